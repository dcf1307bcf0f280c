"""Orders of the provider on an agent link: what is shown to the host, and what the host says of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dialback.broker.links import HostVisits
from dialback.domain.contracts import Visit
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId, GrantId, HostId, TenantId
from dialback.wire.agent.link import GrantRevokedReceived
from dialback.wire.agent.version import VersionRange
from tests.broker.stores import HOST, filled
from tests.broker.test_links import ORDER, Agent, Broker, linked
from tests.broker.visiting import REQUEST, TEXT

VISIT_ORDER = replace(ORDER, visit=Visit(REQUEST, TEXT))


class ScriptedVisits(HostVisits):
    """Knows of one grant that was revoked, and keeps which visits hosts have ended."""

    def __init__(self) -> None:
        self.broken: list[tuple[HostId, ConnectionId, Reason]] = []

    async def revoked_for(self, tenant: TenantId, host_id: HostId) -> Sequence[GrantId]:
        return [GrantId("g0")]

    async def broken_off(self, host_id: HostId, connection_id: ConnectionId, refused: Refused) -> None:
        self.broken.append((host_id, connection_id, refused.reason))


@pytest.fixture
async def broker() -> Broker:
    return Broker(await filled())


async def test_host_is_shown_who_asks_for_what_and_the_grant(broker: Broker) -> None:
    async with linked(broker) as agent:
        dialling = asyncio.create_task(broker.links.dial(VISIT_ORDER))
        order = (await agent.next_order()).order
        assert order.consent is not None
        assert (order.consent.request_id, order.consent.purpose) == ("r1", "the printer")
        assert order.consent.grant == TEXT
        agent.say(agent.machine.dial_refused(order.connection_id, "consent-wanted", "tom asks"))
        with pytest.raises(Refused) as refused:
            await dialling
    assert (refused.value.reason, refused.value.detail) == (Reason.CONSENT_WANTED, "tom asks")


async def test_older_agent_is_not_asked_and_both_versions_are_named(broker: Broker) -> None:
    async with linked(broker, VersionRange(1, 2)):
        with pytest.raises(Refused) as refused:
            await broker.links.dial(VISIT_ORDER)
        broker.links.tell_revoked(HOST.id, GrantId("g1"))
    assert refused.value.reason is Reason.AGENT_TOO_OLD
    assert refused.value.detail == "agent 0.1.0 speaks version 2 of its protocol, consent needs version 3"


async def test_host_is_told_of_revoked_grants_at_once_and_when_it_comes_up(broker: Broker) -> None:
    broker.links.visits = ScriptedVisits()
    agent = Agent()
    async with broker.serving(agent):
        await agent.open()
        assert await agent.hear() == GrantRevokedReceived("g0")
        broker.links.tell_revoked(HOST.id, GrantId("g1"))
        assert await agent.hear() == GrantRevokedReceived("g1")
    broker.links.tell_revoked(HOST.id, GrantId("g1"))


async def test_refusal_of_what_stands_ends_it_for_the_hosts_reason(broker: Broker) -> None:
    visits = ScriptedVisits()
    async with linked(broker) as agent:
        agent.say(agent.machine.dial_refused("c7", "grant-expired", ""))
        await agent.beat()
        broker.links.visits = visits
        agent.say(agent.machine.dial_refused("c7", "grant-expired", ""))
        await agent.beat()
    assert visits.broken == [(HOST.id, "c7", Reason.GRANT_EXPIRED)]

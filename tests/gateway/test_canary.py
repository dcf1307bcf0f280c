import asyncio
import contextlib

import pytest

from dialback.domain.canary import CanaryOrder, CanaryOrders
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId
from dialback.edge.accept import Arrival
from dialback.gateway.canary import GatewayDialBack
from dialback.gateway.rendezvous import HostLeg, Rendezvous
from dialback.identity.host_keys import HostKey
from dialback.transport.leg import Leg
from dialback.wire.agent.link import signed_ticket

HOST, NODE, GATEWAY = HostId("h1"), "ab" * 32, "gw.example.org:443"
KEY = HostKey.generate()


class FakeLeg(Leg):
    """A leg that says what became of it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.hangs = False
        self.closing = asyncio.Event()

    async def close(self, linger_s: float = 1.0) -> None:
        self.said.append("closed")
        self.closing.set()
        if self.hangs:
            await asyncio.Event().wait()

    def abort(self) -> None:
        self.said.append("aborted")


class Agent(CanaryOrders):
    """Carries orders out: dials back, refuses, or does nothing."""

    def __init__(self) -> None:
        self.rendezvous = Rendezvous(NODE)
        self.dial_back = GatewayDialBack(GATEWAY, self.rendezvous, self)
        self.leg = FakeLeg()
        self.refused: Refused | None = None
        self.silent = False
        self.orders: list[CanaryOrder] = []
        self.ordered = asyncio.Event()

    async def canary(self, order: CanaryOrder) -> None:
        self.orders.append(order)
        self.ordered.set()
        if self.refused:
            raise self.refused
        if self.silent:
            await asyncio.Event().wait()
        signature = KEY.sign(signed_ticket(order.ticket.reveal(), order.host_id, NODE))
        meeting = self.rendezvous.claim(order.ticket, order.host_id, signature)
        assert meeting.arrive(HostLeg(self.leg, Arrival(0, 0, 0)))

    def spent(self) -> bool:
        """Say whether the ticket of the newest order is good no more."""
        order = self.orders[-1]
        with contextlib.suppress(Refused):
            self.rendezvous.claim(order.ticket, HOST, b"")
        try:
            self.rendezvous.claim(order.ticket, HOST, b"")
        except Refused as refused:
            return refused.reason is Reason.TICKET_USED
        return False


async def give_up(agent: Agent, when: asyncio.Event) -> None:
    """Begin to prove that the agent dials back, and give it up when that happens."""
    proving = asyncio.create_task(agent.dial_back.prove(HOST, KEY.public_bytes))
    await when.wait()
    proving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await proving


async def test_host_that_dials_back_is_proved_and_its_leg_closed() -> None:
    agent = Agent()
    await agent.dial_back.prove(HOST, KEY.public_bytes)

    assert agent.leg.said[0] == "closed"
    (order,) = agent.orders
    assert (order.host_id, order.gateway, order.certificate_sha256) == (HOST, GATEWAY, NODE)
    assert agent.spent()


async def test_host_that_refuses_is_told_with_its_reason() -> None:
    agent = Agent()
    agent.refused = Refused(Reason.HOST_LEG_LATE, "no route")
    with pytest.raises(Refused, match="no route"):
        await agent.dial_back.prove(HOST, KEY.public_bytes)
    assert agent.spent()


async def test_host_that_stays_away_leaves_no_ticket_behind() -> None:
    agent = Agent()
    agent.silent = True
    await give_up(agent, agent.ordered)
    assert agent.spent()


async def test_leg_that_does_not_end_is_let_go() -> None:
    agent = Agent()
    agent.leg.hangs = True
    await give_up(agent, agent.leg.closing)
    assert agent.leg.said == ["closed", "aborted"]


async def test_each_canary_has_a_ticket_of_its_own() -> None:
    agent = Agent()
    for _ in range(2):
        await agent.dial_back.prove(HOST, KEY.public_bytes)
    first, second = agent.orders
    assert first.ticket.reveal() != second.ticket.reveal()
    assert first.connection_id != second.connection_id

"""What the flight recorder is told by the broker: of whom, and on what ground."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialback.broker.flights import Flights
from dialback.broker.recorded import RecordedBroker
from dialback.domain.access import TokenKind
from dialback.domain.consent import ConsentRequest, ConsentScope, Grant
from dialback.domain.contracts import Admission, Attempt, Broker, DialOrder, Placement, Visit
from dialback.domain.errors import Reason, Refused
from dialback.domain.flight import FlightEntry, parse
from dialback.domain.ids import (
    ConnectionId,
    GrantId,
    HostId,
    PoolId,
    ResourceName,
    TokenHash,
    UserId,
    UserName,
)
from dialback.domain.secret import Secret
from dialback.domain.sessions import Because, ConnectionRecord
from dialback.domain.tenancy import MAIN
from dialback.identity.grants import build, sign
from dialback.identity.host_keys import HostKey
from dialback.store.memory import MemoryStore
from dialback.store.memory_provider import MemoryProvider
from tests.broker.stores import RECORD

ID = ConnectionId("c1")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TARGET = "127.0.0.1:3389"
REQUEST = ConsentRequest(
    "r1", MAIN, HostId("h1"), "tess", "technician", ConsentScope.DESKTOP, TARGET, "printer", NOON, "T-7"
)
ADMISSION = Admission(
    MAIN, UserId("u"), UserName("anne"), ResourceName("office"), TokenHash("t"), frozenset()
)
VISITOR = replace(ADMISSION, user=UserName("provider\\tess"), kind=TokenKind.PROVIDER)
PLACEMENT = Placement(
    HostId("h1"), "desk-1", b"k" * 32, TARGET, Because.FREE_HOST, PoolId("p"), notice="approved"
)


class Behind(Broker):
    """A broker that says yes, and keeps what it is asked."""

    def __init__(self) -> None:
        self.placement = PLACEMENT
        self.refusal: Refused | None = None
        self.asked: list[str] = []

    async def admit(self, token: Secret) -> Admission:
        return ADMISSION

    async def place(self, admission: Admission, attempt: Attempt) -> Placement:
        if self.refusal:
            raise self.refusal
        return self.placement

    async def dial(self, order: DialOrder) -> None:
        self.asked.append("dial")

    async def consent(self, placement: Placement, attempt: Attempt) -> Placement:
        return replace(placement, notice="consented")

    async def opened(self, record: ConnectionRecord) -> None:
        self.asked.append("opened")

    async def ended(self, record: ConnectionRecord) -> None:
        self.asked.append("ended")


async def flown(admission: Admission, visit: Visit | None, everybody: bool = False) -> list[FlightEntry]:
    """Return the chain of a connection from its placement to its end."""
    provider, behind = MemoryProvider(MemoryStore().directory), Behind()
    behind.placement = replace(PLACEMENT, visit=visit)
    flights = Flights(provider, lambda: NOON)
    broker = RecordedBroker(behind, flights, everybody)
    attempt = Attempt(ID, "office", "192.0.2.7")
    placement = await broker.place(admission, attempt)
    assert (await broker.consent(placement, attempt)).notice == "consented"
    await broker.dial(DialOrder(ID, HostId("h1"), "gw:443", "ab", Secret("t"), TARGET, admission.user, visit))
    record = replace(RECORD, id=ID, reason=Reason.HOST_ENDED)
    await broker.opened(record)
    await broker.ended(record)
    assert behind.asked == ["dial", "opened", "ended"]
    chains = list(flights._chains.values())
    return [parse(line) for chain in chains for line in chain.waiting]


def granted() -> str:
    key = HostKey.generate()
    hour = timedelta(hours=1)
    scopes, targets = frozenset({ConsentScope.DESKTOP}), frozenset({TARGET})
    grant = Grant(
        GrantId("g1"), MAIN, HostId("h1"), "tess", scopes, targets, "printer", NOON, NOON + hour, "anna"
    )
    return build(sign(grant, key.public_bytes, key.sign))


async def test_visit_is_told_with_who_why_and_on_what_grant() -> None:
    asked, consent, opened, ended = await flown(VISITOR, Visit(REQUEST, granted()))
    assert dict(asked.facts) == {
        "user": "tess",
        "from": "192.0.2.7",
        "resource": "office",
        "target": TARGET,
        "because": "free-host",
        "notice": "approved",
        "role": "technician",
        "scope": "desktop",
        "purpose": "printer",
        "ticket_number": "T-7",
        "request": "r1",
        "host": "h1",
    }
    assert (consent.facts["ground"], consent.facts["grant"]) == ("grant", "g1")
    assert (consent.facts["approved_by"], consent.facts["until"]) == ("anna", "2026-03-04T13:00:00+00:00")
    assert len(str(consent.facts["keys"])) > 10
    assert (opened.event.value, ended.event.value) == ("opened", "ended")


@pytest.mark.parametrize(
    ("grant", "facts"),
    [("", {"ground": "policy"}), ("nonsense", {"ground": "grant", "problem": "grant-invalid"})],
)
async def test_ground_is_the_hosts_policy_without_a_grant(grant: str, facts: dict[str, Any]) -> None:
    _, consent, *_ = await flown(VISITOR, Visit(REQUEST, grant))
    for name, value in facts.items():
        assert str(consent.facts[name]).startswith(value)


async def test_users_are_recorded_where_the_settings_say_so() -> None:
    assert await flown(ADMISSION, None) == []
    asked, consent, *_ = await flown(ADMISSION, None, everybody=True)
    assert (asked.facts["user"], dict(consent.facts)) == ("anne", {"ground": "assignment"})


async def test_who_is_refused_before_a_host_is_chosen_has_no_record() -> None:
    behind, flights = Behind(), Flights(MemoryProvider(MemoryStore().directory))
    behind.refusal = Refused(Reason.TENANT_SUSPENDED)
    broker = RecordedBroker(behind, flights)
    assert await broker.admit(Secret("t")) == ADMISSION
    with pytest.raises(Refused):
        await broker.place(VISITOR, Attempt(ID, "office", "192.0.2.7"))
    assert len(flights) == 0

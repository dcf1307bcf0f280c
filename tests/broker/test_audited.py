"""Which decisions of a broker are audited, and what their entries say."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialback.broker.audited import UNDECIDED, AuditedBroker
from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.contracts import Admission, Attempt, Broker, DialOrder, Placement
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import (
    ConnectionId,
    HostId,
    PoolId,
    ResourceName,
    TenantId,
    TokenHash,
    UserId,
    UserName,
)
from dialback.domain.secret import Secret
from dialback.domain.sessions import Because, ConnectionRecord, Stage
from dialback.domain.tenancy import MAIN
from tests.broker.recorder import KeptEntries

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACME = TenantId("acme")
ADMISSION = Admission(
    ACME, UserId("u1"), UserName("anna"), ResourceName("office"), TokenHash("t"), frozenset()
)
ATTEMPT = Attempt(ConnectionId("c1"), "office", "192.0.2.1")
PLACED = Placement(HostId("h1"), "desk-1", b"k" * 32, "127.0.0.1:3389", Because.BREADTH_FIRST, PoolId("p1"))
ORDER = DialOrder(ConnectionId("c1"), HostId("h1"), "g:443", "0" * 64, Secret("t"), "a:1", UserName("anna"))
RECORD = ConnectionRecord(
    ConnectionId("c1"),
    NOW,
    "websocket",
    "192.0.2.1",
    tenant=ACME,
    user=UserName("anna"),
    resource=ResourceName("office"),
    ended_at=NOW,
    reason=Reason.HOSTS_FULL,
    detail="2 hosts",
)


class ScriptedBroker(Broker):
    """A broker that answers as it is told, and keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.refuses: Refused | None = None

    async def admit(self, token: Secret) -> Admission:
        self.asked.append(token)
        return ADMISSION

    async def place(self, admission: Admission, attempt: Attempt) -> Placement:
        if self.refuses:
            raise self.refuses
        return PLACED

    async def consent(self, placement: Placement, attempt: Attempt) -> Placement:
        self.asked.append((placement, attempt))
        return placement

    async def dial(self, order: DialOrder) -> None:
        self.asked.append(order)

    async def opened(self, record: ConnectionRecord) -> None:
        self.asked.append(record)

    async def ended(self, record: ConnectionRecord) -> None:
        self.asked.append(record)


@pytest.fixture
def inner() -> ScriptedBroker:
    return ScriptedBroker()


@pytest.fixture
def log() -> KeptEntries:
    return KeptEntries()


@pytest.fixture
def broker(inner: ScriptedBroker, log: KeptEntries) -> AuditedBroker:
    return AuditedBroker(inner, log, lambda: NOW)


async def test_a_placement_is_audited(broker: AuditedBroker, log: KeptEntries) -> None:
    assert await broker.place(ADMISSION, ATTEMPT) == PLACED
    anna = Actor(ActorKind.USER, "anna", "192.0.2.1")
    detail = "office on desk-1 (host h1): breadth-first"
    assert log.entries == [AuditEntry(ACME, NOW, anna, "connection.place", "connection:c1", detail)]


async def test_a_refusal_is_audited_once_with_its_record(
    broker: AuditedBroker, inner: ScriptedBroker, log: KeptEntries
) -> None:
    inner.refuses = Refused(Reason.HOSTS_FULL, "2 hosts")
    with pytest.raises(Refused):
        await broker.place(ADMISSION, ATTEMPT)
    assert log.entries == []
    await broker.ended(RECORD)
    anna = Actor(ActorKind.USER, "anna", "192.0.2.1")
    refused = AuditEntry(
        ACME, NOW, anna, "connection.refused", "resource:office", "hosts-full: 2 hosts", allowed=False
    )
    assert log.entries == [refused]


async def test_a_token_that_admits_nobody_is_told_without_detail(
    broker: AuditedBroker, log: KeptEntries
) -> None:
    nobody = replace(RECORD, tenant=None, user=None, resource=None, reason=Reason.TOKEN_EXPIRED)
    await broker.ended(nobody)
    [entry] = log.entries
    assert (entry.tenant, entry.subject, entry.detail) == (MAIN, "", "token-expired")
    assert (entry.actor.name, entry.actor.address) == ("", "192.0.2.1")


async def test_refusals_of_one_address_are_alike(broker: AuditedBroker, log: KeptEntries) -> None:
    await broker.ended(RECORD)
    await broker.ended(replace(RECORD, id=ConnectionId("c2")))
    assert log.entries[0] == log.entries[1]


@pytest.mark.parametrize("reason", sorted(UNDECIDED))
async def test_what_nobody_decided_is_not_audited(
    broker: AuditedBroker, log: KeptEntries, reason: Reason
) -> None:
    await broker.ended(replace(RECORD, reason=reason))
    assert log.entries == []


async def test_the_end_of_a_connection_that_worked_is_not_audited(
    broker: AuditedBroker, log: KeptEntries
) -> None:
    await broker.ended(replace(RECORD, reason=Reason.CLIENT_ENDED, timeline={Stage.REVERSE: 1.0}))
    assert log.entries == []


async def test_everything_reaches_the_broker(broker: AuditedBroker, inner: ScriptedBroker) -> None:
    token = Secret("t")
    assert await broker.admit(token) == ADMISSION
    await broker.dial(ORDER)
    await broker.opened(RECORD)
    await broker.ended(RECORD)
    assert inner.asked == [token, ORDER, RECORD, RECORD]

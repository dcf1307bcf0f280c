"""Who is cut when, and who is not."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialback.broker.policing import Policing
from dialback.broker.settings import BrokerSettings
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TenantId, TokenHash, UserId, UserName
from dialback.domain.live import LiveConnection, LiveConnections, Lost, Rights
from tests.broker.recorder import KeptEntries

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACME = TenantId("acme")
ANNA, BEN = UserId("u1"), UserId("u2")
FIRST = LiveConnection(
    ConnectionId("c1"),
    ACME,
    ANNA,
    UserName("anna"),
    ResourceName("office"),
    TokenHash("t1"),
    "192.0.2.1",
    HostId("h1"),
)
PARKED = replace(FIRST, id=ConnectionId("c2"), user_id=BEN, user=UserName("ben"), host_id=None)


class ScriptedConnections(LiveConnections):
    """Connections that are there until they are cut."""

    def __init__(self, *connections: LiveConnection) -> None:
        self.connections = list(connections)
        self.cuts: list[tuple[str, Reason]] = []

    def live(self) -> Sequence[LiveConnection]:
        return self.connections

    async def cut(self, ids: Collection[ConnectionId], reason: Reason, detail: str = "") -> int:
        self.cuts += [(id, reason) for id in ids]
        self.connections = [each for each in self.connections if each.id not in ids]
        return len(ids)


class ScriptedRights(Rights):
    """Says what it was told to say, and keeps what it was asked."""

    def __init__(self, *lost: Lost) -> None:
        self.answer = lost[0] if lost else Lost()
        self.away = False
        self.asked: list[tuple[object, ...]] = []

    async def lost(
        self,
        users: Collection[tuple[TenantId, UserId]],
        tokens: Collection[TokenHash],
        hosts: Collection[HostId],
    ) -> Lost:
        self.asked.append((users, tokens, hosts))
        if self.away:
            raise StoreUnavailable("the disk is full")
        return self.answer


async def test_nobody_is_asked_about_while_nothing_is_open() -> None:
    rights = ScriptedRights()
    await Policing(ScriptedConnections(), rights, KeptEntries()).once()
    assert rights.asked == []


async def test_one_question_is_about_everybody() -> None:
    rights = ScriptedRights()
    await Policing(ScriptedConnections(FIRST, PARKED), rights, KeptEntries()).once()
    assert rights.asked == [({(ACME, ANNA), (ACME, BEN)}, {"t1"}, {"h1"})]


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        (Lost(users=frozenset({(ACME, ANNA)})), Reason.USER_DISABLED),
        (Lost(hosts=frozenset({HostId("h1")})), Reason.HOST_REVOKED),
    ],
)
async def test_who_has_lost_their_right_is_cut_and_it_is_audited(lost: Lost, reason: Reason) -> None:
    connections, log = ScriptedConnections(FIRST, PARKED), KeptEntries()
    await Policing(connections, ScriptedRights(lost), log, now=lambda: NOW).once()
    assert connections.cuts == [("c1", reason)]
    [entry] = log.entries
    assert (entry.tenant, entry.action, entry.subject) == (ACME, "connection.cut", "connection:c1")
    assert entry.detail == f"{reason}: office for anna"


async def test_a_parked_connection_is_cut_too() -> None:
    connections = ScriptedConnections(PARKED)
    await Policing(connections, ScriptedRights(Lost(users=frozenset({(ACME, BEN)}))), KeptEntries()).once()
    assert connections.cuts == [("c2", Reason.USER_DISABLED)]


async def test_a_disabled_user_stays_where_the_setting_says_so() -> None:
    connections = ScriptedConnections(FIRST)
    rights = ScriptedRights(Lost(users=frozenset({(ACME, ANNA)})))
    await Policing(connections, rights, KeptEntries(), BrokerSettings(disabled_user="keep")).once()
    assert connections.cuts == []


async def test_while_the_store_is_away_everybody_goes_on() -> None:
    connections, rights = ScriptedConnections(FIRST), ScriptedRights()
    rights.away = True
    await Policing(connections, rights, KeptEntries()).once()
    assert connections.cuts == []


async def test_it_looks_again_and_again() -> None:
    connections, rights = ScriptedConnections(FIRST), ScriptedRights()
    task = asyncio.create_task(Policing(connections, rights, KeptEntries()).run(every_s=0.005))
    while len(rights.asked) < 3:
        await asyncio.sleep(0.001)
    rights.answer = Lost(tokens=frozenset({TokenHash("t1")}))
    while not connections.cuts:
        await asyncio.sleep(0.001)
    task.cancel()
    assert connections.cuts == [("c1", Reason.TOKEN_REVOKED)]

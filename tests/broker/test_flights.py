"""The platform's chains: what becomes an entry, and how it gets into a store that is slow or away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialback.broker import flights as module
from dialback.broker.flights import Chain, Flights
from dialback.domain.errors import Reason
from dialback.domain.flight import (
    MAX_ENTRIES,
    FlightEntry,
    FlightProof,
    Head,
    check_chain,
    parse,
)
from dialback.domain.ids import ConnectionId, HostId, SessionId, TenantId, UserName
from dialback.domain.sessions import Session, SessionState, Stage, Totals
from dialback.domain.tenancy import MAIN
from dialback.store.memory import MemoryStore
from dialback.store.memory_provider import MemoryProvider
from tests.broker.stores import AWAY, NOW, record

ID, HOST = ConnectionId("c1"), HostId("h1")
ASKED = {"user": "tess", "purpose": "printer"}
PROOF = FlightProof("proven", "ab", "ab", "tess")


class Provider(MemoryProvider):
    """A store that is away while told so."""

    def __init__(self) -> None:
        super().__init__(MemoryStore().directory)
        self.away: Exception | None = None

    async def append_flight(self, tenant: TenantId, lines: Sequence[str]) -> None:
        await asyncio.sleep(0)
        if self.away is not None:
            raise self.away
        await super().append_flight(tenant, lines)


class Recorder:
    """The recorder over a store, with a clock that a test sets."""

    def __init__(self, **more: Any) -> None:
        self.provider = Provider()
        self.now = 0.0
        self.saved: list[tuple[int, bool]] = []
        self.flights = Flights(
            self.provider,
            lambda: NOW + timedelta(seconds=self.now),
            lambda: self.now,
            retry_s=0.01,
            **more,
        )
        self.flights.saved = self._save

    def _save(self, chain: Chain) -> None:
        self.saved.append((chain.count, chain.ended))

    def begin(self, id: ConnectionId = ID, request: str = "") -> None:
        self.flights.begin(MAIN, id, HOST, ASKED, request)

    def open(self, to_client: int = 0) -> None:
        self.flights.opened(replace(record(1), totals=Totals(to_client, 0), timeline={Stage.DIAL: 1.23}))

    def end(self) -> None:
        self.flights.ended(replace(record(1), reason=Reason.HOST_ENDED, totals=Totals(7, 8)))

    async def chain(self, id: ConnectionId = ID) -> list[FlightEntry]:
        """Return what is in the store once everything is, which must be a whole chain."""
        assert await self.flights.settled(10)
        entries = [parse(line) for line in await self.provider.flight_lines(MAIN, id)]
        if entries:
            check_chain(entries)
        return entries


@contextlib.asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[Recorder]:
    work = asyncio.create_task(recorder.flights.run())
    yield recorder
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


def events(entries: list[FlightEntry]) -> list[str]:
    return [entry.event.value for entry in entries]


async def test_connection_is_told_from_beginning_to_end() -> None:
    async with running(Recorder()) as recorder:
        recorder.begin()
        recorder.flights.ordered(ID, {"ground": "policy"})
        recorder.open()
        for second in (10, 31, 60, 70):
            recorder.now = second
            recorder.open(second)
        recorder.end()
        chain = await recorder.chain()
    assert events(chain) == ["asked", "consent", "opened", "bytes", "bytes", "ended"]
    assert chain[0].facts == {**ASKED, "host": "h1"}
    assert chain[1].facts == {"ground": "policy"}
    assert chain[2].facts == {"dial_ms": 1.2, "transport": "websocket"}
    assert [entry.facts["to_client_bytes"] for entry in chain[3:]] == [31, 60, 7]
    assert chain[-1].facts["reason"] == "host-ended"
    assert chain[-1].facts["seconds"] == 70
    assert recorder.saved[-1] == (6, True)
    assert not recorder.flights._chains


async def test_bytes_that_did_not_change_are_not_told() -> None:
    async with running(Recorder()) as recorder:
        recorder.begin()
        for second in range(0, 300, 30):
            recorder.now = second
            recorder.open(5)
        assert events(await recorder.chain()) == ["asked", "consent", "opened", "bytes"]


async def test_connection_that_came_to_nothing_ends_without_consent() -> None:
    async with running(Recorder()) as recorder:
        recorder.begin()
        recorder.flights.ordered(ID, {"ground": "policy"})
        recorder.end()
        recorder.end()
        recorder.open()
        chain = await recorder.chain()
    assert events(chain) == ["asked", "ended"]
    assert chain[1].facts["opened"] is False


async def test_connection_of_which_nothing_is_known_is_passed_over() -> None:
    recorder = Recorder()
    recorder.open()
    recorder.end()
    recorder.flights.ordered(ID, {})
    assert len(recorder.flights) == 0


def session(id: str, state: SessionState = SessionState.ACTIVE, locked: bool | None = None) -> Session:
    return Session(MAIN, HOST, SessionId(id), UserName("anna"), state, NOW, locked)


async def test_what_changes_on_the_host_is_told_on_its_chains() -> None:
    async with running(Recorder()) as recorder:
        recorder.flights.listed(HOST, [session("1")])
        recorder.begin()
        recorder.flights.listed(HOST, [session("1"), session("2")])
        recorder.flights.listed(HOST, [session("1", SessionState.DISCONNECTED), session("2")])
        recorder.flights.listed(HOST, [session("1")])
        recorder.flights.listed(HOST, [session("1")])
        recorder.flights.listed(HostId("h2"), [])
        told = [entry.facts for entry in (await recorder.chain())[1:]]
    assert [(facts["what"], facts["session"]) for facts in told] == [
        ("log-on", "2"),
        ("disconnect", "1"),
        ("reconnect", "1"),
        ("log-off", "2"),
    ]
    assert told[0]["user"] == "anna"


async def test_locks_are_told_where_the_host_tells_of_them() -> None:
    async with running(Recorder()) as recorder:
        recorder.flights.listed(HOST, [session("1")])
        recorder.begin()
        # What was locked before anybody told of it is no event.
        recorder.flights.listed(HOST, [session("1", locked=True)])
        recorder.flights.listed(HOST, [session("1", locked=False)])
        recorder.flights.listed(HOST, [session("1", SessionState.DISCONNECTED, locked=True)])
        recorder.flights.listed(HOST, [session("1", SessionState.DISCONNECTED)])
        told = [entry.facts["what"] for entry in (await recorder.chain())[1:]]
    assert told == ["unlock", "disconnect", "lock"]


async def test_changes_without_end_are_counted() -> None:
    async with running(Recorder()) as recorder:
        recorder.flights.listed(HOST, [])
        recorder.begin()
        recorder.flights.listed(HOST, [session(str(number)) for number in range(500)])
        told = (await recorder.chain())[1:]
    assert len(told) == module.MOST_CHANGES + 1
    assert told[-1].facts == {"what": "more", "count": 480}


async def test_proof_is_told_on_connections_of_its_request_now_and_later() -> None:
    async with running(Recorder()) as recorder:
        recorder.begin(request="r1")
        recorder.begin(ConnectionId("c2"), request="r2")
        recorder.flights.proven(MAIN, "r1", PROOF)
        recorder.flights.proven(MAIN, "r1", PROOF)
        recorder.begin(ConnectionId("c3"), request="r1")
        assert [events(await recorder.chain(ConnectionId(id))) for id in ("c1", "c2", "c3")] == [
            ["asked", "proof"],
            ["asked"],
            ["asked", "proof"],
        ]
        assert (await recorder.chain())[1].facts["by"] == "tess"


async def test_proofs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PROOFS", 2)
    recorder = Recorder()
    for request in ("r1", "r2", "r3"):
        for number in range(100):
            recorder.flights.proven(MAIN, request, FlightProof("proven", str(number)))
    assert list(recorder.flights._proofs) == [(MAIN, "r2"), (MAIN, "r3")]
    assert all(len(proofs) == module.MOST_CHANGES for proofs in recorder.flights._proofs.values())


async def test_entries_wait_for_a_store_that_is_away_and_none_is_lost() -> None:
    async with running(Recorder()) as recorder:
        recorder.provider.away = AWAY
        recorder.begin()
        recorder.open()
        await asyncio.sleep(0.05)
        assert not await recorder.flights.settled(0.01)
        recorder.end()
        assert len(recorder.flights) == 4
        recorder.provider.away = None
        assert events(await recorder.chain()) == ["asked", "consent", "opened", "ended"]
    assert len(recorder.flights) == 0


async def test_bytes_are_not_told_while_too_much_waits() -> None:
    recorder = Recorder(most_waiting=4)
    recorder.begin()
    recorder.open()
    for second in range(30, 300, 30):
        recorder.now = second
        recorder.open(second)
    recorder.end()
    async with running(recorder):
        assert events(await recorder.chain()) == ["asked", "consent", "opened", "bytes", "ended"]


async def test_long_connection_tells_its_bytes_ever_more_seldom_and_has_room_for_its_end() -> None:
    recorder = Recorder(most_waiting=MAX_ENTRIES)
    recorder.begin()
    recorder.open()
    chain = recorder.flights._chains[ID]
    for count, every_s in ((999, 30), (1000, 60), (2500, 120)):
        chain.head = Head(ID, count, "0" * 64)
        before = chain.told_at
        recorder.now = before + every_s * 0.8
        recorder.open(int(recorder.now))
        assert chain.told_at == before
        recorder.now = before + every_s
        recorder.open(int(recorder.now))
        assert chain.told_at == recorder.now
    chain.head = Head(ID, MAX_ENTRIES - module.KEPT_FREE, "0" * 64)
    recorder.now += 1e9
    recorder.open(1)
    assert chain.count == MAX_ENTRIES - module.KEPT_FREE
    recorder.end()
    assert chain.count == MAX_ENTRIES - module.KEPT_FREE + 1


async def test_chain_that_cannot_be_written_is_broken_off_and_blocks_no_other() -> None:
    async with running(Recorder()) as recorder:
        recorder.provider.away = ValueError("a bug")
        recorder.begin()
        assert await recorder.flights.settled(10)
        recorder.provider.away = None
        recorder.end()
        recorder.begin(ConnectionId("c2"))
        assert events(await recorder.chain(ConnectionId("c2"))) == ["asked"]
        assert await recorder.chain() == []


async def test_write_that_is_cancelled_is_done_again() -> None:
    recorder = Recorder()
    async with running(recorder):
        recorder.begin()
        await asyncio.sleep(0)
    async with running(recorder):
        assert events(await recorder.chain()) == ["asked"]

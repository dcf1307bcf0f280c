"""Entries reach the log whatever the store does, and nobody floods it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

from structlog.testing import capture_logs

from dialback.broker.auditor import BURST_S, MOST_ADDRESSES, MOST_DIFFERENT, Auditor
from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.tenancy import MAIN
from dialback.store.memory_audit import MemoryAudit

DEADLINE_S = 10
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAVED = AuditEntry(MAIN, NOW, Actor(ActorKind.USER, "anna", "192.0.2.1"), "pool.save", "pool:p1", "drained")
REFUSED = replace(SAVED, action="sign-in.refused", subject="", detail="wrong password", allowed=False)


class FailingAudit(MemoryAudit):
    """A log that raises while `away` is set."""

    away: Exception | None = None

    async def write(self, entry: AuditEntry) -> None:
        if self.away is not None:
            raise self.away
        await super().write(entry)


class Stand:
    """An auditor over a log, and a clock that a test moves."""

    def __init__(self, most_waiting: int = 100) -> None:
        self.clock_s = 0.0
        self.log = FailingAudit()
        self.auditor = Auditor(
            self.log, lambda: self.clock_s, lambda: NOW, retry_s=0.01, most_waiting=most_waiting
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.auditor.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def written(self) -> list[AuditEntry]:
        """Return what is in the log once all is written, oldest first."""
        async with self.running():
            assert await self.auditor.settled(DEADLINE_S)
        return [replace(entry, number=0) for entry in reversed(await self.log.entries(MAIN, limit=500))]


async def test_what_is_noted_is_written_in_order() -> None:
    stand = Stand()
    entries = [replace(SAVED, detail=str(each)) for each in range(3)]
    for entry in entries:
        stand.auditor.note(entry)
    assert await stand.written() == entries
    assert len(stand.auditor) == 0


async def test_what_is_noted_is_in_the_servers_log_too() -> None:
    with capture_logs() as lines:
        Stand().auditor.note(SAVED)
    assert [(line["action"], line["actor"], line["peer"]) for line in lines] == [
        ("pool.save", "anna", "192.0.2.1")
    ]


async def test_entries_wait_for_a_store_that_is_away() -> None:
    stand = Stand()
    stand.log.away = StoreUnavailable("the disk is full")
    stand.auditor.note(SAVED)
    async with stand.running():
        assert not await stand.auditor.settled(0.05)
        stand.log.away = None
        assert await stand.auditor.settled(DEADLINE_S)
    assert await stand.written() == [SAVED]


async def test_an_entry_that_cannot_be_written_does_not_block_the_next() -> None:
    stand = Stand()
    stand.log.away = ValueError("a bug")
    stand.auditor.note(SAVED)
    async with stand.running():
        assert await stand.auditor.settled(DEADLINE_S)
        stand.log.away = None
        stand.auditor.note(REFUSED)
        assert await stand.auditor.settled(DEADLINE_S)
    assert await stand.written() == [REFUSED]


async def test_of_too_many_the_oldest_is_dropped() -> None:
    stand = Stand(most_waiting=2)
    entries = [replace(SAVED, detail=str(each)) for each in range(4)]
    for entry in entries:
        stand.auditor.note(entry)
    assert await stand.written() == entries[2:]


async def test_refusals_that_repeat_are_counted() -> None:
    stand = Stand()
    for _ in range(42):
        stand.auditor.note(REFUSED)
    assert [entry.detail for entry in await stand.written()] == [
        "wrong password",
        "wrong password (41 more within 60 s)",
    ]


async def test_refusals_that_differ_are_counted_beyond_a_bound() -> None:
    stand = Stand()
    for number in range(MOST_DIFFERENT + 7):
        stand.auditor.note(replace(REFUSED, detail=str(number)))
    entries = await stand.written()
    assert len(entries) == MOST_DIFFERENT + 1
    assert (entries[-1].action, entries[-1].detail) == ("refusals.counted", "7 more refusals within 60 s")
    assert (entries[-1].actor.address, entries[-1].allowed) == ("192.0.2.1", False)


async def test_after_a_while_a_refusal_is_written_again() -> None:
    stand = Stand()
    stand.auditor.note(REFUSED)
    stand.auditor.note(REFUSED)
    stand.clock_s = BURST_S
    stand.auditor.note(REFUSED)
    assert [entry.detail for entry in await stand.written()] == [
        "wrong password",
        "wrong password (1 more within 60 s)",
        "wrong password",
    ]


async def test_another_address_is_another_count() -> None:
    stand = Stand()
    elsewhere = replace(REFUSED, actor=Actor(ActorKind.USER, "anna", "192.0.2.2"))
    stand.auditor.note(REFUSED)
    stand.auditor.note(elsewhere)
    assert await stand.written() == [REFUSED, elsewhere]


async def test_what_was_allowed_is_never_counted() -> None:
    stand = Stand()
    for _ in range(MOST_DIFFERENT * 2):
        stand.auditor.note(SAVED)
    assert len(await stand.written()) == MOST_DIFFERENT * 2


async def test_memory_of_addresses_is_bounded_and_nothing_counted_is_lost() -> None:
    stand = Stand(most_waiting=MOST_ADDRESSES * 2)
    stand.auditor.note(REFUSED)
    stand.auditor.note(REFUSED)
    for number in range(MOST_ADDRESSES):
        stand.auditor.note(replace(REFUSED, actor=Actor(ActorKind.USER, "", str(number))))
    async with stand.running():
        assert await stand.auditor.settled(DEADLINE_S)
    found = await stand.log.entries(MAIN, actor="anna")
    assert [entry.detail for entry in found] == ["wrong password (1 more within 60 s)", "wrong password"]

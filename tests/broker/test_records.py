import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text
from structlog.testing import capture_logs

from dialback.broker.records import Records
from dialback.domain.contracts import Store
from dialback.domain.errors import Reason
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from tests.broker.stores import AWAY, NOW, RECORD, FailingStore, record

ENDED = replace(RECORD, ended_at=NOW, reason=Reason.CLIENT_ENDED)
DEADLINE_S = 10


@contextlib.asynccontextmanager
async def written(records: Records) -> AsyncIterator[None]:
    """Let the records be written while the block runs."""
    task = asyncio.create_task(records.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ids(store: Store) -> set[str]:
    return {record.id for record in await store.connections(MAIN)}


async def test_what_is_kept_is_written() -> None:
    store = FailingStore()
    records = Records(store)

    async with written(records):
        for number in range(3):
            records.keep(record(number))
        assert await records.settled(DEADLINE_S)

    assert await ids(store) == {"c0", "c1", "c2"}
    assert len(records) == 0


async def test_nothing_to_write_is_settled_at_once() -> None:
    assert await Records(FailingStore()).settled(0)


async def test_newest_state_of_a_record_wins() -> None:
    store = FailingStore()
    records = Records(store)
    records.keep(RECORD)
    records.keep(ENDED)

    async with written(records):
        assert await records.settled(DEADLINE_S)

    assert await store.connections(MAIN) == [ENDED]


async def test_state_that_comes_while_an_older_one_is_written_is_not_lost() -> None:
    class Slow(FailingStore):
        async def save_connection(self, record):  # type: ignore[no-untyped-def]
            if record is RECORD:
                records.keep(ENDED)
            await FailingStore.save_connection(self, record)

    store = Slow()
    records = Records(store)
    records.keep(RECORD)

    async with written(records):
        assert await records.settled(DEADLINE_S)

    assert await store.connections(MAIN) == [ENDED]


async def test_records_wait_for_a_store_that_is_away_and_keep_their_order() -> None:
    store = FailingStore()
    store.away = AWAY
    records = Records(store, retry_s=0.001)

    with capture_logs() as lines:
        async with written(records):
            records.keep(record(1))
            records.keep(record(2))
            while not lines:
                await asyncio.sleep(0)
            assert not await records.settled(0)
            store.away = None
            assert await records.settled(DEADLINE_S)

    assert await ids(store) == {"c1", "c2"}
    assert lines[0]["why"] == str(AWAY)


async def test_full_queue_drops_the_oldest_and_says_so() -> None:
    records = Records(FailingStore(), most_waiting=2)

    with capture_logs() as lines:
        for number in range(3):
            records.keep(record(number))

    assert len(records) == 2
    assert [line["connection_id"] for line in lines] == ["c0"]


async def test_record_that_cannot_be_written_at_all_does_not_block_those_behind_it() -> None:
    class Picky(FailingStore):
        async def save_connection(self, record):  # type: ignore[no-untyped-def]
            if record.id == "c1":
                raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
            await FailingStore.save_connection(self, record)

    store = Picky()
    records = Records(store)

    with capture_logs() as lines:
        async with written(records):
            records.keep(record(1))
            records.keep(record(2))
            assert await records.settled(DEADLINE_S)

    assert await ids(store) == {"c2"}
    assert [(line["log_level"], line["connection_id"]) for line in lines] == [("error", "c1")]


async def test_names_a_hostile_client_gives_itself_are_kept(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'x.db'}")
    records = Records(store)
    try:
        async with written(records):
            for number, name in enumerate(["\x00", "\ud800", "\x1b[2J", "'; DROP TABLE connections; --"]):
                records.keep(replace(record(number), client_name=name, detail=name))
            assert await records.settled(DEADLINE_S)
        assert await ids(store) == {"c0", "c1", "c2", "c3"}
    finally:
        await store.close()


async def test_full_disk_costs_no_record(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'x.db'}")
    records = Records(store, retry_s=0.01)
    try:
        await _limit(store, 1)
        with capture_logs() as lines:
            async with written(records):
                for number in range(50):
                    records.keep(replace(record(number), detail="x" * 400))
                while not lines:
                    await asyncio.sleep(0.001)
                await _limit(store, 1_000_000)
                assert await records.settled(DEADLINE_S)
        assert len(await ids(store)) == 50
        assert "disk is full" in lines[0]["why"]
    finally:
        await store.close()


async def _limit(store, pages: int) -> None:  # type: ignore[no-untyped-def]
    """Let the database have so many pages; the connection is the pool's only one."""
    async with store._engine.begin() as connection:
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))

"""The contract of `Audit`: one suite that every implementation passes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.domain.audit import (
    MAX_DETAIL_CHARS,
    MAX_NAME_CHARS,
    MAX_PAGE,
    Actor,
    ActorKind,
    Audit,
    AuditEntry,
)
from dialback.domain.ids import TenantId
from dialback.store.memory_audit import MemoryAudit
from dialback.store.sql import SqlStore
from tests.contracts.openers import OPENERS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACME, OTHER = TenantId("acme"), TenantId("other")
ANNA = Actor(ActorKind.USER, "anna", "192.0.2.1")
SAVED = AuditEntry(ACME, NOW, ANNA, "pool.save", "pool:p1", "session limit 7 → 9 𝄞", False)


@pytest.fixture(params=OPENERS)
async def audit(request: pytest.FixtureRequest) -> AsyncIterator[Audit]:
    store, _ = await OPENERS[request.param](request)
    if not isinstance(store, SqlStore):
        yield MemoryAudit()
        return
    yield store.audit
    await store.close()


def plain(entries: object) -> list[AuditEntry]:
    """Return the entries without the numbers that the store gave."""
    assert isinstance(entries, list)
    return [replace(entry, number=0) for entry in entries]


async def test_an_entry_comes_back_as_it_was_with_a_number(audit: Audit) -> None:
    await audit.write(SAVED)
    found = list(await audit.entries(ACME))
    assert plain(found) == [SAVED]
    assert found[0].number > 0


@pytest.mark.parametrize("kind", list(ActorKind))
async def test_everybody_can_be_the_actor(audit: Audit, kind: ActorKind) -> None:
    entry = replace(SAVED, actor=Actor(kind))
    await audit.write(entry)
    assert plain(await audit.entries(ACME)) == [entry]


async def test_the_newest_entry_comes_first_and_the_rest_by_its_number(audit: Audit) -> None:
    written = [replace(SAVED, detail=str(each)) for each in range(5)]
    for entry in written:
        await audit.write(entry)
    page = list(await audit.entries(ACME, limit=2))
    assert plain(page) == [written[4], written[3]]
    rest = await audit.entries(ACME, before=page[-1].number)
    assert plain(rest) == [written[2], written[1], written[0]]


async def test_no_tenant_reads_the_entries_of_another(audit: Audit) -> None:
    await audit.write(replace(SAVED, tenant=OTHER))
    assert list(await audit.entries(ACME)) == []


async def test_entries_are_found_by_how_their_action_begins(audit: Audit) -> None:
    for action in ("pool.save", "pool.remove", "Pool.save", "pools", "po%l"):
        await audit.write(replace(SAVED, action=action))
    found = await audit.entries(ACME, action="pool.")
    assert [entry.action for entry in found] == ["pool.remove", "pool.save"]
    assert [entry.action for entry in await audit.entries(ACME, action="po%")] == ["po%l"]


async def test_entries_are_found_by_who_acted(audit: Audit) -> None:
    await audit.write(SAVED)
    await audit.write(replace(SAVED, actor=Actor(ActorKind.USER, "anna2")))
    assert plain(await audit.entries(ACME, actor="anna")) == [SAVED]


async def test_no_answer_is_longer_than_a_page_and_none_is_empty_by_wish(audit: Audit) -> None:
    for each in range(3):
        await audit.write(replace(SAVED, detail=str(each)))
    assert len(await audit.entries(ACME, limit=MAX_PAGE + 1)) == 3
    assert len(await audit.entries(ACME, limit=-1)) == 1


async def test_texts_that_are_too_long_are_cut(audit: Audit) -> None:
    long = "x" * 100_000
    await audit.write(AuditEntry(ACME, NOW, Actor(ActorKind.TOKEN, long, long), long, long, long))
    entry = next(iter(await audit.entries(ACME)))
    assert len(entry.actor.name) == len(entry.subject) == MAX_NAME_CHARS
    assert len(entry.detail) == MAX_DETAIL_CHARS
    assert len(entry.action) == len(entry.actor.address) == 100


async def test_what_no_database_takes_keeps_no_entry_out(audit: Audit) -> None:
    await audit.write(replace(SAVED, detail="a\0b\ud800"))
    assert next(iter(await audit.entries(ACME))).detail.startswith("a")


async def test_old_entries_are_forgotten_and_numbers_never_given_again(audit: Audit) -> None:
    await audit.write(SAVED)
    first = next(iter(await audit.entries(ACME))).number
    assert await audit.prune_entries(NOW + timedelta(seconds=1)) == 1
    await audit.write(replace(SAVED, at=NOW + timedelta(seconds=1)))
    assert [entry.number > first for entry in await audit.entries(ACME)] == [True]
    assert await audit.prune_entries(NOW + timedelta(seconds=1)) == 0

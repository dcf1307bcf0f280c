"""The contract of `Approvals`: one suite that every implementation passes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.domain.approvals import Approval, Approvals, Cause, Decision
from dialback.domain.directory import CursorInvalid
from dialback.domain.ids import ConnectionId, ResourceName, TenantId, UserId
from dialback.store.memory_approvals import MemoryApprovals
from dialback.store.sql import SqlStore
from tests.contracts.openers import OPENERS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACME, OTHER = TenantId("acme"), TenantId("other")
ANNA, BEN = UserId("u1"), UserId("u2")
HOME = "2001:db8::7"
ASKED = Approval(
    ConnectionId("c1"),
    ACME,
    ANNA,
    ResourceName("office"),
    Cause.POLICY,
    47,
    HOME,
    "ÄNNE-PC\ud800",
    NOW,
    NOW + 60 * SECOND,
)


@pytest.fixture(params=OPENERS)
async def approvals(request: pytest.FixtureRequest) -> AsyncIterator[Approvals]:
    store, _ = await OPENERS[request.param](request)
    if not isinstance(store, SqlStore):
        yield MemoryApprovals()
        return
    yield store.approvals
    await store.close()


def another(id: str, **changes: object) -> Approval:
    return replace(ASKED, id=ConnectionId(id), client_name="", **changes)  # type: ignore[arg-type]


async def test_what_was_asked_comes_back_as_it_was(approvals: Approvals) -> None:
    asked = replace(ASKED, client_name="ÄNNE-PC 𝄞")
    await approvals.ask(asked)
    assert await approvals.approval(ACME, asked.id) == asked


async def test_without_a_number_there_is_none(approvals: Approvals) -> None:
    asked = another("c1", number=None, cause=Cause.STALE_TICKET)
    await approvals.ask(asked)
    assert await approvals.approval(ACME, asked.id) == asked


async def test_what_no_database_takes_does_not_keep_anybody_from_asking(approvals: Approvals) -> None:
    await approvals.ask(ASKED)
    kept = await approvals.approval(ACME, ASKED.id)
    assert kept is not None
    assert kept.client_name.startswith("ÄNNE-PC")


async def test_nobody_reads_or_decides_in_another_tenant(approvals: Approvals) -> None:
    await approvals.ask(another("c1"))
    assert await approvals.approval(OTHER, ASKED.id) is None
    assert await approvals.waiting(OTHER, NOW) == []
    assert not await approvals.decide(OTHER, ASKED.id, Decision.APPROVED, "eve", NOW)
    await approvals.decide(ACME, ASKED.id, Decision.APPROVED, "anna", NOW)
    assert await approvals.last_approved(OTHER, ANNA, HOME) is None


async def test_the_same_id_in_two_tenants_is_two_approvals(approvals: Approvals) -> None:
    theirs = another("c1", tenant=OTHER, user=BEN)
    await approvals.ask(another("c1"))
    await approvals.ask(theirs)
    await approvals.decide(ACME, ASKED.id, Decision.DENIED, "anna", NOW)
    assert await approvals.approval(OTHER, ASKED.id) == theirs


async def test_those_that_wait_come_oldest_first(approvals: Approvals) -> None:
    later = another("c0", asked_at=NOW + SECOND)
    of_ben = another("c3", user=BEN)
    for each in (later, of_ben, another("c1")):
        await approvals.ask(each)
    assert list(await approvals.waiting(ACME, NOW, ANNA)) == [another("c1"), later]
    assert list(await approvals.waiting(ACME, NOW)) == [another("c1"), of_ben, later]


async def test_those_that_wait_are_counted_and_read_page_by_page(approvals: Approvals) -> None:
    asked = [
        another(f"c{9 - number}", asked_at=NOW + number // 2 * SECOND, user=BEN if number % 3 else ANNA)
        for number in range(10)
    ]
    for each in (*asked, another("c1", tenant=OTHER), another("late", expires_at=NOW)):
        await approvals.ask(each)
    everybodys = sorted(asked, key=lambda one: (one.asked_at, one.id))
    for user, wanted in ((None, everybodys), (BEN, [one for one in everybodys if one.user == BEN])):
        for limit in (1, 3, len(wanted), 500):
            page = await approvals.waiting_page(ACME, NOW, user, limit=limit)
            found = list(page.items)
            while page.after:
                assert len(page.items) == limit
                page = await approvals.waiting_page(ACME, NOW, user, page.after, limit)
                found += page.items
            assert found == wanted
        assert await approvals.count_waiting(ACME, NOW, user) == len(wanted)
    assert await approvals.count_waiting(TenantId("none"), NOW) == 0
    with pytest.raises(CursorInvalid):
        await approvals.waiting_page(ACME, NOW, after="%")


async def test_page_goes_on_where_it_was_whatever_is_decided_meanwhile(approvals: Approvals) -> None:
    for number in range(4):
        await approvals.ask(another(f"c{number}", asked_at=NOW + number * SECOND))
    page = await approvals.waiting_page(ACME, NOW, limit=2)
    await approvals.decide(ACME, ConnectionId("c1"), Decision.DENIED, "anna", NOW)
    rest = await approvals.waiting_page(ACME, NOW, after=page.after)
    assert ([one.id for one in rest.items], rest.after) == (["c2", "c3"], "")


async def test_nothing_waits_that_was_decided_or_whose_time_has_passed(approvals: Approvals) -> None:
    await approvals.ask(another("c1"))
    await approvals.ask(another("c2", expires_at=NOW + SECOND))
    await approvals.decide(ACME, ASKED.id, Decision.DENIED, "anna", NOW)
    assert await approvals.waiting(ACME, NOW + SECOND) == []


async def test_a_decision_is_kept_with_who_and_when(approvals: Approvals) -> None:
    await approvals.ask(another("c1"))
    assert await approvals.decide(ACME, ASKED.id, Decision.APPROVED, "anna", NOW + SECOND)
    kept = await approvals.approval(ACME, ASKED.id)
    assert kept == another("c1", decision=Decision.APPROVED, decided_at=NOW + SECOND, decided_by="anna")


async def test_of_several_decisions_the_first_holds(approvals: Approvals) -> None:
    await approvals.ask(another("c1"))
    won = await asyncio.gather(
        *(
            approvals.decide(ACME, ASKED.id, decision, "somebody", NOW)
            for decision in [Decision.DENIED, Decision.APPROVED] * 4
        )
    )
    assert sorted(won) == [False] * 7 + [True]


@pytest.mark.parametrize("decision", [Decision.APPROVED, Decision.DENIED])
async def test_nobody_decides_too_late(approvals: Approvals, decision: Decision) -> None:
    await approvals.ask(another("c1"))
    assert not await approvals.decide(ACME, ASKED.id, decision, "anna", ASKED.expires_at)


@pytest.mark.parametrize("decision", [Decision.EXPIRED, Decision.LEFT])
async def test_that_it_ended_undecided_is_kept_at_any_time(approvals: Approvals, decision: Decision) -> None:
    await approvals.ask(another("c1"))
    assert await approvals.decide(ACME, ASKED.id, decision, "", ASKED.expires_at + SECOND)
    assert not await approvals.decide(ACME, ASKED.id, Decision.APPROVED, "anna", NOW)


async def test_what_was_never_asked_cannot_be_decided(approvals: Approvals) -> None:
    assert not await approvals.decide(ACME, ASKED.id, Decision.APPROVED, "anna", NOW)


async def test_the_last_approval_is_of_the_user_and_the_address(approvals: Approvals) -> None:
    for each in (another("c1"), another("c2"), another("c3", client_address="::1"), another("c4", user=BEN)):
        await approvals.ask(each)
    assert await approvals.last_approved(ACME, ANNA, HOME) is None
    for after_s, id, decision in [
        (3, "c2", Decision.APPROVED),
        (1, "c1", Decision.APPROVED),
        (5, "c3", Decision.APPROVED),
        (6, "c4", Decision.APPROVED),
    ]:
        await approvals.decide(ACME, ConnectionId(id), decision, "anna", NOW + after_s * SECOND)
    assert await approvals.last_approved(ACME, ANNA, HOME) == NOW + 3 * SECOND


async def test_a_denial_is_no_approval(approvals: Approvals) -> None:
    await approvals.ask(another("c1"))
    await approvals.decide(ACME, ASKED.id, Decision.DENIED, "anna", NOW)
    assert await approvals.last_approved(ACME, ANNA, HOME) is None


async def test_old_ones_are_forgotten(approvals: Approvals) -> None:
    await approvals.ask(another("c1"))
    await approvals.ask(another("c2", asked_at=NOW + SECOND))
    assert await approvals.prune_approvals(NOW + SECOND) == 1
    assert await approvals.approval(ACME, ConnectionId("c1")) is None
    assert await approvals.approval(ACME, ConnectionId("c2")) is not None

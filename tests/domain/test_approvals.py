"""When a connection has to wait for its user, and which number belongs to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.approvals import (
    CHOICES,
    NUMBERS,
    Approval,
    Cause,
    Decision,
    cause_of,
    choices,
    decision_by,
    may_decide,
    number_of,
)
from dialback.domain.ids import ConnectionId, ResourceName, TenantId, TokenHash, UserId
from dialback.domain.pools import StepUp

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ASKED = Approval(
    ConnectionId("c1"),
    TenantId("main"),
    UserId("u1"),
    ResourceName("office"),
    Cause.POLICY,
    47,
    "192.0.2.1",
    "ANNE-PC",
    NOW,
    NOW + MINUTE,
)
NOT_WANTED, EACH_TIME = StepUp(), StepUp(wanted=True)
FOR_A_DAY = StepUp(wanted=True, remembered_hours=24)

moments = st.none() | st.datetimes(datetime(2026, 2, 1), datetime(2026, 3, 1, 12), timezones=st.just(UTC))
step_ups = st.builds(StepUp, st.booleans(), st.just(60), st.integers(0, 720))
hours = st.floats(0, 8760)


@pytest.mark.parametrize(
    ("step_up", "ticket", "signed_in_at", "approved_at", "cause"),
    [
        (NOT_WANTED, False, None, None, None),
        (NOT_WANTED, True, NOW - HOUR, None, None),
        (NOT_WANTED, True, None, NOW - HOUR, None),
        (NOT_WANTED, True, None, None, Cause.STALE_TICKET),
        (NOT_WANTED, True, NOW - 24 * HOUR, NOW - 24 * HOUR, Cause.STALE_TICKET),
        (EACH_TIME, False, NOW, NOW, Cause.POLICY),
        (EACH_TIME, True, NOW, NOW, Cause.POLICY),
        (FOR_A_DAY, False, None, NOW - 23 * HOUR, None),
        (FOR_A_DAY, False, NOW, None, Cause.POLICY),
        (FOR_A_DAY, False, None, NOW - 24 * HOUR, Cause.POLICY),
        (FOR_A_DAY, True, None, NOW - 23 * HOUR, None),
    ],
)
def test_who_has_to_wait(
    step_up: StepUp,
    ticket: bool,
    signed_in_at: datetime | None,
    approved_at: datetime | None,
    cause: Cause | None,
) -> None:
    assert cause_of(step_up, ticket, signed_in_at, approved_at, 24, NOW) is cause


@given(step_ups, st.booleans(), moments, hours)
def test_policy_asks_whoever_was_not_approved_before(
    step_up: StepUp, ticket: bool, signed_in_at: datetime | None, lately: float
) -> None:
    asks = cause_of(step_up, ticket, signed_in_at, None, lately, NOW) is Cause.POLICY
    assert asks == step_up.wanted


@given(step_ups, moments, moments, hours)
def test_a_connection_token_waits_for_policy_alone(
    step_up: StepUp, signed_in_at: datetime | None, approved_at: datetime | None, lately: float
) -> None:
    assert cause_of(step_up, False, signed_in_at, approved_at, lately, NOW) in (None, Cause.POLICY)


@given(step_ups, hours)
def test_a_ticket_alone_never_opens_anything(step_up: StepUp, lately: float) -> None:
    assert cause_of(step_up, True, None, None, lately, NOW) is not None


@given(step_ups, st.booleans(), moments, moments, hours)
def test_who_knows_more_never_waits_longer(
    step_up: StepUp, ticket: bool, signed_in_at: datetime | None, approved_at: datetime | None, lately: float
) -> None:
    if cause_of(step_up, ticket, None, approved_at, lately, NOW) is None:
        assert cause_of(step_up, ticket, signed_in_at, approved_at, lately, NOW) is None
    if cause_of(step_up, ticket, signed_in_at, None, lately, NOW) is None:
        assert cause_of(step_up, ticket, signed_in_at, approved_at, lately, NOW) is None


@given(st.from_regex(r"[A-Za-z0-9_-]{22}", fullmatch=True), st.sampled_from(NUMBERS))
def test_one_of_the_choices_is_right_and_all_differ(id: str, number: int) -> None:
    approval = replace(ASKED, id=ConnectionId(id), number=number)
    shown = choices(approval)
    assert len(set(shown)) == len(shown) == CHOICES
    assert number in shown
    assert set(shown) <= set(NUMBERS)
    assert choices(replace(approval, client_name="other")) == shown


def test_the_right_number_is_shown_in_every_place() -> None:
    approvals = [replace(ASKED, id=ConnectionId(str(each))) for each in range(100)]
    assert {choices(approval).index(47) for approval in approvals} == {0, 1, 2}


def test_without_a_number_nothing_is_shown() -> None:
    assert choices(replace(ASKED, number=None)) == ()


def test_picking_a_wrong_number_denies() -> None:
    assert [decision_by(ASKED, number) for number in choices(ASKED)].count(Decision.APPROVED) == 1
    assert decision_by(ASKED, 47) is Decision.APPROVED
    assert decision_by(ASKED, None) is Decision.DENIED


def test_without_a_number_no_number_approves() -> None:
    assert decision_by(replace(ASKED, number=None), None) is Decision.APPROVED
    assert decision_by(replace(ASKED, number=None), 47) is Decision.DENIED


@given(st.text(alphabet="0123456789abcdef", min_size=64, max_size=64))
def test_the_number_of_a_token_has_two_digits_and_stays(token: str) -> None:
    assert number_of(TokenHash(token)) == number_of(TokenHash(token))
    assert number_of(TokenHash(token)) in NUMBERS


@pytest.mark.parametrize("number", [9, 100, -1])
def test_a_number_that_is_not_of_two_digits_is_none(number: int) -> None:
    with pytest.raises(ValueError, match="two digits"):
        replace(ASKED, number=number)


def test_it_waits_until_its_time_has_passed_or_somebody_decides() -> None:
    assert ASKED.waits(NOW)
    assert not ASKED.waits(NOW + MINUTE)
    assert not replace(ASKED, decision=Decision.DENIED).waits(NOW)


@pytest.mark.parametrize("decision", list(Decision))
def test_nothing_is_decided_twice(decision: Decision) -> None:
    assert may_decide(ASKED, decision, NOW)
    assert not may_decide(replace(ASKED, decision=Decision.LEFT), decision, NOW)


def test_only_an_end_comes_when_the_time_has_passed() -> None:
    late = {decision for decision in Decision if may_decide(ASKED, decision, NOW + MINUTE)}
    assert late == {Decision.EXPIRED, Decision.LEFT}

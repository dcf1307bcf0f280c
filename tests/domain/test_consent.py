from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.consent import (
    MAX_GRANT_LIFE,
    ConsentMode,
    ConsentPolicy,
    ConsentRequest,
    ConsentScope,
    Grant,
    GrantStanding,
    decide,
    grant_for,
    parse_window,
)
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GrantId, HostId, TenantId

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)
REQUEST = ConsentRequest(
    "r1",
    TenantId("acme"),
    HostId("h1"),
    "tess",
    "technician",
    ConsentScope.DESKTOP,
    "127.0.0.1:3389",
    "printer is stuck",
    NOON,
)
GRANT = Grant(
    GrantId("g1"),
    REQUEST.tenant,
    REQUEST.host,
    REQUEST.staff,
    frozenset({ConsentScope.DESKTOP}),
    frozenset({REQUEST.target}),
    REQUEST.purpose,
    NOON - HOUR,
    NOON + HOUR,
    "anna",
)
SIGNED = GrantStanding(GRANT, frozenset({"k1"}))
ASK = ConsentPolicy()


def refusal(
    policy: ConsentPolicy = ASK,
    request: ConsentRequest = REQUEST,
    standing: GrantStanding | None = SIGNED,
    now: datetime = NOON,
) -> Reason | None:
    """Return why it is refused, None if it is not."""
    try:
        decide(policy, request, standing, now)
    except Refused as refused:
        return refused.reason
    return None


# The policy alone.


def test_host_that_says_never_heeds_no_grant() -> None:
    assert refusal(ConsentPolicy(ConsentMode.NEVER)) is Reason.CONSENT_FORBIDDEN


def test_host_that_says_always_needs_no_grant() -> None:
    assert refusal(ConsentPolicy(ConsentMode.ALWAYS), standing=None) is None


def test_host_that_asks_wants_a_grant() -> None:
    assert refusal(standing=None) is Reason.CONSENT_WANTED
    assert refusal() is None


@pytest.mark.parametrize(
    "policy",
    [
        ConsentPolicy(ConsentMode.ALWAYS, staff=frozenset({"tim"})),
        ConsentPolicy(ConsentMode.ALWAYS, roles=frozenset({"auditor"})),
        ConsentPolicy(ConsentMode.ALWAYS, targets=frozenset({"unix:/run/x"})),
        ConsentPolicy(ConsentMode.ALWAYS, scopes=frozenset({ConsentScope.FACTS})),
    ],
)
def test_what_the_policy_does_not_name_is_forbidden(policy: ConsentPolicy) -> None:
    assert refusal(policy) is Reason.CONSENT_FORBIDDEN


def test_inside_its_hours_a_host_does_not_ask_and_outside_it_does() -> None:
    policy = ConsentPolicy(ConsentMode.WINDOW, (parse_window("mon-fri 08:00-18:00"),))

    assert refusal(policy, standing=None) is None
    assert refusal(policy, standing=None, now=NOON + 7 * HOUR) is Reason.CONSENT_WANTED
    assert refusal(policy, now=NOON + timedelta(days=3)) is Reason.GRANT_EXPIRED


def test_hours_are_the_hosts_own() -> None:
    policy = ConsentPolicy(ConsentMode.WINDOW, (parse_window("08:00-18:00"),))
    far_east = NOON.astimezone(timezone(timedelta(hours=9)))

    assert refusal(policy, standing=None, now=far_east) is Reason.CONSENT_WANTED


# Grants.


@pytest.mark.parametrize(
    ("grant", "reason"),
    [
        (replace(GRANT, host=HostId("h2")), Reason.GRANT_OTHER),
        (replace(GRANT, tenant=TenantId("other")), Reason.GRANT_OTHER),
        (replace(GRANT, staff="tim"), Reason.GRANT_OTHER),
        (replace(GRANT, scopes=frozenset({ConsentScope.LOG})), Reason.GRANT_OTHER),
        (replace(GRANT, targets=frozenset({"unix:/run/x"})), Reason.GRANT_OTHER),
        (replace(GRANT, until=NOON), Reason.GRANT_EXPIRED),
        (replace(GRANT, begins_at=NOON + timedelta(minutes=10)), Reason.GRANT_EARLY),
        (replace(GRANT, begins_at=NOON + timedelta(minutes=1)), None),
        (replace(GRANT, targets=frozenset()), None),
    ],
)
def test_grant_must_fit_the_request_and_the_hour(grant: Grant, reason: Reason | None) -> None:
    assert refusal(standing=replace(SIGNED, grant=grant)) is reason


def test_grant_of_a_clock_that_is_ten_minutes_ahead_is_refused_with_both_clocks() -> None:
    grant = replace(GRANT, begins_at=NOON + timedelta(minutes=10))

    with pytest.raises(Refused, match=r"begins 12:10:00 UTC, the host's clock says 12:00:00 UTC"):
        decide(ASK, REQUEST, replace(SIGNED, grant=grant), NOON)


def test_grant_that_was_revoked_or_used_up_opens_nothing() -> None:
    once = replace(SIGNED, grant=replace(GRANT, uses=1))

    assert refusal(standing=replace(SIGNED, revoked=True)) is Reason.GRANT_REVOKED
    assert refusal(standing=once) is None
    assert refusal(standing=replace(once, used=1)) is Reason.GRANT_USED


def test_second_pair_of_eyes_is_a_second_approver() -> None:
    policy = ConsentPolicy(approvers=2)

    assert refusal(policy) is Reason.GRANT_UNSIGNED
    assert refusal(policy, standing=replace(SIGNED, signers=frozenset({"k1", "k2"}))) is None


def test_grant_that_nobody_trusted_has_signed_opens_nothing() -> None:
    assert refusal(standing=replace(SIGNED, signers=frozenset())) is Reason.GRANT_UNSIGNED


@given(
    mode=st.sampled_from([ConsentMode.ASK, ConsentMode.WINDOW]),
    keys=st.frozensets(st.sampled_from(["k1", "k2", "k3"])),
    approvers=st.integers(1, 3),
    begins=st.integers(-100, 100),
    minutes=st.integers(1, 200),
    revoked=st.booleans(),
    used=st.integers(0, 3),
    uses=st.integers(0, 3),
)
def test_nothing_opens_without_a_grant_that_holds(
    mode: ConsentMode,
    keys: frozenset[str],
    approvers: int,
    begins: int,
    minutes: int,
    revoked: bool,
    used: int,
    uses: int,
) -> None:
    begin = NOON + timedelta(minutes=begins)
    grant = replace(GRANT, begins_at=begin, until=begin + timedelta(minutes=minutes), uses=uses)
    policy = ConsentPolicy(mode, (parse_window("sun 01:00-02:00"),), approvers=approvers)
    holds = begins <= 2 and begins + minutes > 0 and not revoked and not (uses and used >= uses)

    opened = refusal(policy, standing=GrantStanding(grant, keys, used, revoked)) is None

    assert opened == (holds and len(keys) >= approvers)


def test_grant_of_a_request_is_of_just_what_was_asked() -> None:
    grant = grant_for(REQUEST, "g1", "anna", NOON - HOUR, 2 * HOUR, 0)

    assert grant == GRANT
    assert refusal(standing=replace(SIGNED, grant=grant)) is None
    without_target = grant_for(replace(REQUEST, target=""), "g1", "anna", NOON, HOUR, 3)
    assert (without_target.targets, without_target.uses) == (frozenset(), 3)


# Hours.


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("08:00-18:00", (2026, 3, 7, 8, 0), (2026, 3, 7, 18, 0)),
        ("sat 09:00-12:00", (2026, 3, 7, 11, 59), (2026, 3, 8, 10, 0)),
        ("mon-fri 22:00-04:00", (2026, 3, 7, 3, 59), (2026, 3, 7, 22, 0)),
        ("fri-mon 00:00-24:00", (2026, 3, 9, 23, 59), (2026, 3, 10, 0, 0)),
    ],
)
def test_hours_hold_from_begin_to_end(text: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    window = parse_window(text)

    assert window.contains(datetime(*inside, tzinfo=UTC))  # type: ignore[misc, arg-type]
    assert not window.contains(datetime(*outside, tzinfo=UTC))  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    "text", ["", "8-18", "08:00-08:00", "25:00-26:00", "08:61-09:00", "foo 08:00-09:00", "mon- 08:00-09:00"]
)
def test_text_that_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected hours like"):
        parse_window(text)


# What cannot be made.


def test_purpose_with_a_control_is_none() -> None:
    with pytest.raises(ValueError, match=r"U\+001B"):
        replace(REQUEST, purpose="\x1b[2J")


@pytest.mark.parametrize(
    "change",
    [
        {"until": GRANT.begins_at},
        {"until": GRANT.begins_at + MAX_GRANT_LIFE + HOUR},
        {"until": GRANT.until.replace(tzinfo=None)},
        {"scopes": frozenset()},
        {"uses": -1},
        {"approved_by": ""},
    ],
)
def test_grant_without_sense_cannot_be_made(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(GRANT, **change)  # type: ignore[arg-type]


def test_policy_without_sense_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="approvers"):
        ConsentPolicy(approvers=0)
    with pytest.raises(ValueError, match="never open"):
        ConsentPolicy(ConsentMode.WINDOW)

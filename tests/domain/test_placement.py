"""Placement: every fact that forbids one, and the order in which they are said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.contracts import Admission
from dialback.domain.errors import Reason, Refused
from dialback.domain.health import Check
from dialback.domain.ids import (
    HostId,
    PoolId,
    ResourceName,
    SessionId,
    TenantId,
    TokenHash,
    UserId,
    UserName,
)
from dialback.domain.placement import (
    Candidate,
    Choice,
    check_alias,
    choose_session_host,
    limit_of,
)
from dialback.domain.pools import (
    HostPool,
    LoadBalancing,
    PersonalAssignment,
    PoolHost,
    PoolKind,
    StartOnConnect,
    WakeMethod,
)
from dialback.domain.sessions import Because, Session, SessionState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADMISSION = Admission(
    TenantId("main"),
    UserId("u-anna"),
    UserName("anna"),
    ResourceName("office-pc"),
    TokenHash("00"),
    frozenset(),
)


def test_alias_of_the_admitted_resource_passes() -> None:
    assert check_alias(ADMISSION, "office-pc") == "office-pc"


@pytest.mark.parametrize("alias", ["", "lab-pc", "127.0.0.1", "office-pc ", "x" * 100_000])
def test_any_other_alias_is_not_granted_and_is_quoted_in_part(alias: str) -> None:
    with pytest.raises(Refused) as caught:
        check_alias(ADMISSION, alias)
    assert caught.value.reason is Reason.RESOURCE_NOT_GRANTED
    assert len(caught.value.detail) < 200


# Placement in a host pool.

TENANT, ANNA = TenantId("main"), UserId("u-anna")
POOL = HostPool(TENANT, PoolId("p1"), "Office")
DEPTH = replace(POOL, load_balancing=LoadBalancing.DEPTH_FIRST, session_limit=3)
PERSONAL = replace(POOL, kind=PoolKind.PERSONAL)
DIRECT = replace(PERSONAL, assignment=PersonalAssignment.DIRECT)
HOOK = StartOnConnect(WakeMethod.COMMAND, "wake")


def candidate(host: str, sessions: int = 0, *failed: Check, **member: Any) -> Candidate:
    """Return a host of the pool."""
    return Candidate(PoolHost(TENANT, POOL.id, HostId(host), **member), frozenset(failed), sessions)


def with_session(
    each: Candidate, since_s: int = 0, state: SessionState = SessionState.DISCONNECTED
) -> Candidate:
    """Return the host with one more session, of the user who connects."""
    number = SessionId(str(len(each.of_user)))
    since = NOW + timedelta(seconds=since_s)
    session = Session(TENANT, each.member.host, number, UserName("anna"), state, since)
    return replace(each, sessions=each.sessions + 1, of_user=(*each.of_user, session))


def placed(each: Candidate) -> Candidate:
    """Return the host with a connection in flight to it, of the user who connects."""
    return replace(each, sessions=each.sessions + 1, placed=True)


def chosen(pool: HostPool, *candidates: Candidate, draw: float = 0.0) -> tuple[str, Because]:
    """Return the id of the chosen host, and why."""
    choice = choose_session_host(pool, candidates, ANNA, draw)
    return choice.member.host, choice.because


def refusal(pool: HostPool, *candidates: Candidate) -> Refused:
    """Return the refusal of a placement."""
    with pytest.raises(Refused) as caught:
        choose_session_host(pool, candidates, ANNA, 0.0)
    return caught.value


REFUSED: list[tuple[HostPool, list[Candidate], Reason, str]] = [
    (POOL, [], Reason.POOL_EMPTY, "Office"),
    (DEPTH, [candidate("a", 3), candidate("b", 4)], Reason.HOSTS_FULL, "of 2 hosts full 2"),
    (POOL, [candidate("a", drained=True)], Reason.HOSTS_DRAINED, "of 1 hosts drained 1"),
    (POOL, [candidate("a", 0, Check.LINK)], Reason.HOST_OFFLINE, "of 1 hosts link 1"),
    (POOL, [candidate("a", 0, Check.DIAL_BACK)], Reason.HOST_LEG_LATE, "dial-back 1"),
    (POOL, [candidate("a", 0, *Check)], Reason.HOST_OFFLINE, "dial-back 1, link 1, rdp 1"),
    (POOL, [candidate(host, 0, Check.LINK) for host in "ab"], Reason.HOSTS_UNHEALTHY, "link 2"),
    # A host that cannot take anybody now is not what keeps the pool from working.
    (
        POOL,
        [candidate("a", 0, Check.RDP), candidate("b", drained=True)],
        Reason.HOSTS_DRAINED,
        "rdp 1, drained",
    ),
    (DEPTH, [candidate("a", 3), candidate("b", drained=True)], Reason.HOSTS_FULL, "drained 1, full 1"),
    (DIRECT, [candidate("a")], Reason.PERSONAL_HOST_MISSING, "Office"),
    (PERSONAL, [candidate("a", owner=UserId("u-ben"))], Reason.PERSONAL_HOSTS_TAKEN, "Office"),
    (DIRECT, [candidate("a", owner=ANNA, drained=True), candidate("b")], Reason.HOSTS_DRAINED, "of 1 hosts"),
    (DIRECT, [candidate("a", 0, Check.RDP, owner=ANNA), candidate("b")], Reason.RDP_SERVER_DOWN, "rdp 1"),
]


@pytest.mark.parametrize(("pool", "candidates", "reason", "detail"), REFUSED)
def test_pool_that_takes_nobody_says_why(
    pool: HostPool, candidates: list[Candidate], reason: Reason, detail: str
) -> None:
    refused = refusal(pool, *candidates)
    assert refused.reason is reason
    assert detail in refused.detail


CHOSEN: list[tuple[HostPool, list[Candidate], str, Because]] = [
    (POOL, [candidate("a", 5), candidate("b", 1)], "b", Because.BREADTH_FIRST),
    # Twice the weight carries twice the sessions.
    (POOL, [candidate("a", 5, weight=200), candidate("b", 3)], "a", Because.BREADTH_FIRST),
    (DEPTH, [candidate("a"), candidate("b", 2), candidate("c", 3)], "b", Because.DEPTH_FIRST),
    (DEPTH, [candidate("a"), candidate("b", weight=200)], "b", Because.DEPTH_FIRST),
    (DEPTH, [candidate("a", 3), candidate("b", 5, weight=200)], "b", Because.DEPTH_FIRST),
    (POOL, [candidate("a", drained=True), candidate("b", 9)], "b", Because.BREADTH_FIRST),
    (POOL, [candidate("a", 0, Check.DIAL_BACK), candidate("b", 9)], "b", Because.BREADTH_FIRST),
    # What is not fatal makes a host the last choice, and no more than that.
    (POOL, [candidate("a", 0, Check.DISK), candidate("b", 9)], "b", Because.BREADTH_FIRST),
    (POOL, [candidate("a", 0, Check.DISK), candidate("b", 9, Check.RDP)], "a", Because.BREADTH_FIRST),
    # An existing session wins on a host that is drained, full or not quite healthy.
    (POOL, [candidate("a"), with_session(candidate("b", drained=True))], "b", Because.EXISTING_SESSION),
    (DEPTH, [candidate("a"), with_session(candidate("b", 3))], "b", Because.EXISTING_SESSION),
    (POOL, [candidate("a"), with_session(candidate("b", 0, Check.LOAD))], "b", Because.EXISTING_SESSION),
    # A session nobody can reach does not keep the user out.
    (POOL, [candidate("a"), with_session(candidate("b", 0, Check.LINK))], "a", Because.BREADTH_FIRST),
    # Of two disconnected sessions the one that was left last.
    (
        POOL,
        [with_session(candidate("a"), 5), with_session(candidate("b"), 9)],
        "b",
        Because.EXISTING_SESSION,
    ),
    (
        POOL,
        [with_session(candidate("a"), 5, SessionState.ACTIVE), with_session(candidate("b"), 9)],
        "a",
        Because.EXISTING_SESSION,
    ),
    # Where another connection of the user was just placed they count already, and are not spread.
    (POOL, [candidate("a"), placed(candidate("b", 9))], "b", Because.BREADTH_FIRST),
    (POOL, [candidate("a"), placed(candidate("b", 9, Check.DISK))], "b", Because.BREADTH_FIRST),
    (DEPTH, [candidate("a"), placed(candidate("b", 2))], "b", Because.DEPTH_FIRST),
    (DEPTH, [candidate("a"), placed(candidate("b", 3))], "a", Because.DEPTH_FIRST),
    (POOL, [candidate("a"), placed(candidate("b", drained=True))], "a", Because.BREADTH_FIRST),
    (POOL, [candidate("a"), placed(candidate("b", 0, Check.LINK))], "a", Because.BREADTH_FIRST),
    (POOL, [with_session(candidate("a")), placed(candidate("b"))], "a", Because.EXISTING_SESSION),
    (PERSONAL, [candidate("a", owner=ANNA), placed(candidate("b"))], "a", Because.OWN_HOST),
    (DIRECT, [candidate("a"), candidate("b", owner=ANNA)], "b", Because.OWN_HOST),
    (PERSONAL, [candidate("a"), candidate("b", owner=ANNA)], "b", Because.OWN_HOST),
    (PERSONAL, [candidate("a", owner=UserId("u-ben")), candidate("b")], "b", Because.FREE_HOST),
    # A session on a host that belongs to somebody else is not the user's to come back to.
    (
        PERSONAL,
        [with_session(candidate("a", owner=UserId("u-ben"))), candidate("b")],
        "b",
        Because.FREE_HOST,
    ),
    (
        PERSONAL,
        [with_session(candidate("a", owner=ANNA, drained=True))],
        "a",
        Because.EXISTING_SESSION,
    ),
]


@pytest.mark.parametrize(("pool", "candidates", "host", "because"), CHOSEN)
def test_host_is_chosen_by_the_first_rule_that_applies(
    pool: HostPool, candidates: list[Candidate], host: str, because: Because
) -> None:
    assert chosen(pool, *candidates) == (host, because)


def test_session_to_come_back_to_is_told() -> None:
    host = with_session(with_session(candidate("a"), 9), 5)
    assert choose_session_host(POOL, [host], ANNA, 0.0).session == host.of_user[0]


def test_free_host_is_claimed_and_an_own_one_is_not() -> None:
    assert choose_session_host(PERSONAL, [candidate("a")], ANNA, 0.0).claim
    assert choose_session_host(PERSONAL, [with_session(candidate("a"))], ANNA, 0.0).claim
    assert not choose_session_host(PERSONAL, [candidate("a", owner=ANNA)], ANNA, 0.0).claim


def test_host_is_woken_only_where_a_hook_is_and_nobody_else_can_take_the_session() -> None:
    pool = replace(POOL, start_on_connect=HOOK)
    asleep = candidate("a", 0, Check.LINK)
    assert choose_session_host(pool, [asleep, candidate("b", drained=True)], ANNA, 0.0).wake
    assert choose_session_host(pool, [asleep, candidate("b", 9)], ANNA, 0.0).member.host == "b"
    assert refusal(POOL, asleep).reason is Reason.HOST_OFFLINE
    assert refusal(pool, candidate("a", 0, Check.RDP)).reason is Reason.RDP_SERVER_DOWN
    assert refusal(pool, candidate("a", 0, Check.LINK, drained=True)).reason is Reason.HOST_OFFLINE


def test_host_that_is_woken_for_the_user_already_is_the_one_to_wait_for() -> None:
    pool = replace(DEPTH, session_limit=1, start_on_connect=HOOK)
    asleep = [candidate("a", 0, Check.LINK), placed(candidate("b", 0, Check.LINK)), candidate("c", 1)]
    choice = choose_session_host(pool, asleep, ANNA, 0.0)
    assert (choice.member.host, choice.wake) == ("b", True)


def test_own_host_that_sleeps_is_woken() -> None:
    pool = replace(DIRECT, start_on_connect=HOOK)
    choice = choose_session_host(pool, [candidate("a", 0, Check.LINK, owner=ANNA)], ANNA, 0.0)
    assert (choice.wake, choice.claim, choice.because) == (True, False, Because.OWN_HOST)


def test_limit_grows_with_the_weight_and_is_one_at_least() -> None:
    limits = [limit_of(DEPTH, candidate("a", weight=weight).member) for weight in (1, 50, 100, 150, 1000)]
    assert limits == [1, 1, 3, 4, 30]
    assert limit_of(POOL, candidate("a").member) is None
    assert limit_of(replace(DEPTH, kind=PoolKind.PERSONAL), candidate("a").member) is None


# Properties.

CHECKS = st.frozensets(st.sampled_from(Check), max_size=2)
DRAWS = st.floats(0, 1, exclude_max=True)
OWNERS = st.none() | st.sampled_from([ANNA, UserId("u-ben")])
SESSIONS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(SessionState)), max_size=2)


@st.composite
def hosts(draw: st.DrawFn) -> list[Candidate]:
    """Return hosts of every kind."""
    found = []
    for number in range(draw(st.integers(0, 8))):
        each = candidate(
            f"h{number}",
            draw(st.integers(0, 8)),
            *draw(CHECKS),
            weight=draw(st.sampled_from([1, 50, 100, 150, 1000])),
            drained=draw(st.booleans()),
            owner=draw(OWNERS),
        )
        for since_s, state in draw(SESSIONS):
            each = with_session(each, since_s, state)
        each = placed(each) if draw(st.booleans()) else each
        found.append(each)
    return found


POOLS = st.builds(
    replace,
    st.just(POOL),
    kind=st.sampled_from(PoolKind),
    load_balancing=st.sampled_from(LoadBalancing),
    session_limit=st.integers(1, 8),
    assignment=st.sampled_from(PersonalAssignment),
    start_on_connect=st.sampled_from([None, HOOK]),
)


def outcome(pool: HostPool, candidates: list[Candidate], draw: float) -> Choice | Reason:
    """Return the choice, or the reason for none."""
    try:
        return choose_session_host(pool, candidates, ANNA, draw)
    except Refused as refused:
        return refused.reason


def taker(pool: HostPool, each: Candidate) -> bool:
    """Say whether the host may get a new session."""
    limit = limit_of(pool, each.member)
    others = each.sessions - each.placed
    return each.works and not each.member.drained and (limit is None or others < limit)


def allowed(pool: HostPool, candidates: list[Candidate]) -> list[Candidate]:
    """Return the hosts that may be the user's at all."""
    if pool.kind is PoolKind.POOLED:
        return candidates
    own = [each for each in candidates if each.member.owner == ANNA]
    free = [each for each in candidates if each.member.owner is None]
    return own or (free if pool.assignment is PersonalAssignment.AUTOMATIC else [])


@given(POOLS, hosts(), DRAWS)
def test_choice_always_keeps_the_rules(pool: HostPool, candidates: list[Candidate], draw: float) -> None:
    choice = outcome(pool, candidates, draw)
    mine = allowed(pool, candidates)
    if isinstance(choice, Reason):
        assert not any(taker(pool, each) or (each.works and each.of_user) for each in mine)
        return
    (got,) = [each for each in mine if each.member == choice.member]
    assert choice.claim == (pool.kind is PoolKind.PERSONAL and got.member.owner is None)
    reachable = [session for each in mine if each.works for session in each.of_user]
    assert (choice.because is Because.EXISTING_SESSION) == bool(reachable)
    if choice.wake:
        assert Check.LINK in got.failed
        assert not got.member.drained
        assert pool.start_on_connect
        assert not any(taker(pool, each) for each in mine)
    elif reachable:
        assert choice.session in got.of_user
        assert got.works
    else:
        takers = [each for each in mine if taker(pool, each)]
        assert got in takers
        assert got.placed or not any(each.placed for each in takers)
        assert got.placed or not got.failed or all(each.failed for each in takers)


@given(POOLS, hosts(), DRAWS, st.randoms(use_true_random=False))
def test_order_of_the_facts_does_not_matter(
    pool: HostPool, candidates: list[Candidate], draw: float, random: Random
) -> None:
    expected = outcome(pool, candidates, draw)
    random.shuffle(candidates)
    assert outcome(pool, candidates, draw) == expected


def test_breadth_first_can_pick_each_of_the_less_busy_half_and_no_other() -> None:
    candidates = [candidate("a", 1), candidate("b", 2), candidate("c", 3), candidate("d", 4)]
    assert {chosen(POOL, *candidates, draw=draw / 100)[0] for draw in range(100)} == {"a", "b"}
    alike = [candidate(host, 2) for host in "abcd"]
    assert {chosen(POOL, *alike, draw=draw / 100)[0] for draw in range(100)} == set("abcd")


@given(st.lists(st.sampled_from([50, 100, 150, 300]), min_size=1, max_size=5), st.integers(1, 4))
def test_depth_first_fills_one_host_before_it_opens_the_next(weights: list[int], limit: int) -> None:
    pool = replace(DEPTH, session_limit=limit)
    candidates = {f"h{n}": candidate(f"h{n}", weight=weight) for n, weight in enumerate(weights)}
    limits = {host: limit_of(pool, each.member) or 0 for host, each in candidates.items()}
    for _ in range(sum(limits.values())):
        host, _ = chosen(pool, *candidates.values())
        candidates[host] = replace(candidates[host], sessions=candidates[host].sessions + 1)
        begun = [h for h, each in candidates.items() if 0 < each.sessions < limits[h]]
        assert len(begun) <= 1
    assert refusal(pool, *candidates.values()).reason is Reason.HOSTS_FULL


@given(
    st.lists(st.sampled_from([50, 100, 300]), min_size=2, max_size=5),
    st.lists(DRAWS, min_size=40, max_size=40),
)
def test_breadth_first_lets_no_host_fall_far_behind(weights: list[int], draws: list[float]) -> None:
    candidates = {f"h{n}": candidate(f"h{n}", weight=weight) for n, weight in enumerate(weights)}
    for draw in draws:
        host, _ = chosen(POOL, *candidates.values(), draw=draw)
        least = min(each.load for each in candidates.values())
        middle = sorted(each.load for each in candidates.values())[(len(weights) - 1) // 2]
        assert least <= candidates[host].load <= middle
        candidates[host] = replace(candidates[host], sessions=candidates[host].sessions + 1)

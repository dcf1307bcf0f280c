"""Which session host a connection goes to: decisions over facts, without fetching or telling anybody.

The rules of `choose_session_host`, the first that applies wins:

1. A session the user has on a host that works, even on one that is drained, full or not quite healthy; of
   several an active one, then the one that changed last: that is where the user was last seen.
2. In a personal pool, a host of the user's own; if they have none and assignment is automatic, a free one.
3. In a pooled pool, a host that works, is not drained and is below its limit. A host on which a check fails
   that is not fatal comes after all others.
4. A host that sleeps, if the pool can wake it.

Of the hosts that a later rule leaves, one where another connection of the user was just placed is the first:
their session is about to begin there, and is not to have a second beside it.

Numbers of sessions are compared relative to what a host can carry: its weight, in percent, scales its limit.
Randomness is an argument. Where a user can have one host alone, a refusal says what is wrong with that host.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dialback.domain.contracts import Admission
from dialback.domain.directory import HostStanding
from dialback.domain.errors import Reason, Refused
from dialback.domain.health import FATAL, Check
from dialback.domain.ids import ResourceName, UserId
from dialback.domain.pools import (
    USUAL_WEIGHT,
    HostPool,
    PersonalAssignment,
    PoolHost,
    PoolKind,
)
from dialback.domain.sessions import Because, Session, SessionState

_OF_ONE = {
    Check.LINK: Reason.HOST_OFFLINE,
    Check.RDP: Reason.RDP_SERVER_DOWN,
    Check.DIAL_BACK: Reason.HOST_LEG_LATE,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of a host of the pool.

    `failed` are the checks that fail now; `sessions` is how many it has, with those connections that were
    placed there and are not in its report yet; `of_user` are the sessions of the user who connects. While the
    host's link is down, nobody knows of sessions, and none count. `placed` says whether one of those
    connections is the user's, who counts once.
    """

    member: PoolHost
    failed: frozenset[Check] = frozenset()
    sessions: int = 0
    of_user: tuple[Session, ...] = ()
    placed: bool = False

    @property
    def works(self) -> bool:
        """Whether no fatal check fails."""
        return not self.failed & FATAL

    @property
    def load(self) -> float:
        """How many sessions a host of usual weight would have that is as busy."""
        return self.sessions * USUAL_WEIGHT / self.member.weight


def candidate_of(standing: HostStanding, *, up: bool, in_flight: int = 0, placed: bool = False) -> Candidate:
    """Return what a placement is to know of a host.

    Args:
        up: whether its link stands, by whoever knows best.
        in_flight: how many users were placed there and are not in its list yet.
        placed: whether the user who connects is one of them.
    """
    member, failed = standing.member, standing.failed - {Check.LINK}
    if not up:
        # What it listed last may have ended with the machine, and keeps nobody from waking it.
        return Candidate(member, failed | {Check.LINK}, in_flight, placed=placed)
    return Candidate(member, failed, standing.sessions + in_flight, standing.of_user, placed)


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen host, and which rule chose it.

    `session` is the session to come back to, if that was why. `wake` says that the host sleeps and is to be
    woken first; `claim` that it is to become the user's own.
    """

    member: PoolHost
    because: Because
    session: Session | None = None
    wake: bool = False
    claim: bool = False


def choose_session_host(pool: HostPool, candidates: Sequence[Candidate], user: UserId, draw: float) -> Choice:
    """Return where to place a connection of the user.

    Args:
        candidates: every host of the pool, in any order.
        draw: a random number, at least 0 and below 1.

    Raises:
        Refused: `POOL_EMPTY`, `PERSONAL_HOST_MISSING`, `PERSONAL_HOSTS_TAKEN`, `HOSTS_UNHEALTHY`,
            `HOSTS_DRAINED` or `HOSTS_FULL`; of a single host `HOST_OFFLINE`, `HOST_LEG_LATE` or
            `RDP_SERVER_DOWN`.
    """
    if not candidates:
        raise Refused(Reason.POOL_EMPTY, pool.name)
    # The order of the facts must not matter.
    ordered = sorted(candidates, key=lambda candidate: candidate.member.host)
    if pool.kind is PoolKind.PERSONAL:
        return _choose_personal(pool, ordered, user, draw)
    return _existing(ordered) or _choose_new(pool, ordered, Because(pool.load_balancing), draw)


def limit_of(pool: HostPool, member: PoolHost) -> int | None:
    """Return how many sessions the host may have, None for any number; a personal host has its one user."""
    if pool.session_limit is None or pool.kind is PoolKind.PERSONAL:
        return None
    return max(1, pool.session_limit * member.weight // USUAL_WEIGHT)


def _choose_personal(pool: HostPool, candidates: Sequence[Candidate], user: UserId, draw: float) -> Choice:
    own = [candidate for candidate in candidates if candidate.member.owner == user]
    if own:
        return _existing(own) or _choose_new(pool, own, Because.OWN_HOST, draw)
    if pool.assignment is PersonalAssignment.DIRECT:
        raise Refused(Reason.PERSONAL_HOST_MISSING, pool.name)
    free = [candidate for candidate in candidates if candidate.member.owner is None]
    if not free:
        raise Refused(Reason.PERSONAL_HOSTS_TAKEN, pool.name)
    chosen = _existing(free) or _choose_new(pool, free, Because.FREE_HOST, draw)
    return replace(chosen, claim=True)


def _existing(candidates: Sequence[Candidate]) -> Choice | None:
    found = [(each, session) for each in candidates if each.works for session in each.of_user]
    if not found:
        return None
    newest = max(found, key=lambda pair: (pair[1].state is SessionState.ACTIVE, pair[1].since, pair[1].id))
    return Choice(newest[0].member, Because.EXISTING_SESSION, newest[1])


def _choose_new(pool: HostPool, candidates: Sequence[Candidate], because: Because, draw: float) -> Choice:
    could = [each for each in candidates if not each.member.drained and not _full(pool, each)]
    takers = [each for each in could if each.works]
    if takers:
        return Choice(_pick(_best(takers), because, draw).member, because)
    asleep = [each for each in could if Check.LINK in each.failed]
    if asleep and pool.start_on_connect:
        return Choice(_pick(_best(asleep), because, draw).member, because, wake=True)
    raise _refusal(pool, candidates)


def _best(takers: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return those where the user is placed already, else those that are sound, else all."""
    placed = [each for each in takers if each.placed]
    return placed or [each for each in takers if not each.failed] or takers


def _pick(takers: Sequence[Candidate], because: Because, draw: float) -> Candidate:
    """Return one of several hosts that could all take the session."""
    if because is Because.DEPTH_FIRST:
        return min(takers, key=lambda taker: (-taker.load, -taker.member.weight))
    if because is Because.BREADTH_FIRST:
        # Hosts as busy as the last of the half belong to it, or the order of ids would decide.
        middle = sorted(taker.load for taker in takers)[(len(takers) - 1) // 2]
        takers = [taker for taker in takers if taker.load <= middle]
    return takers[int(draw * len(takers))]


def _full(pool: HostPool, candidate: Candidate) -> bool:
    limit = limit_of(pool, candidate.member)
    others = candidate.sessions - candidate.placed
    return limit is not None and others >= limit


def _refusal(pool: HostPool, candidates: Sequence[Candidate]) -> Refused:
    """Return why no host takes the session, with numbers: a pool may fail for several reasons at once."""
    working = [each for each in candidates if each.works]
    drained = sum(each.member.drained for each in working)
    failing = Counter(check for each in candidates for check in sorted(each.failed & FATAL))
    counts = [(check.value, number) for check, number in sorted(failing.items())]
    counts += [("drained", drained), ("full", len(working) - drained)]
    detail = ", ".join(f"{what} {number}" for what, number in counts if number)
    reason = Reason.HOSTS_UNHEALTHY
    if len(candidates) == 1:
        reason = next((_OF_ONE[check] for check in _OF_ONE if check in failing), reason)
    if working:
        reason = Reason.HOSTS_DRAINED if drained == len(working) else Reason.HOSTS_FULL
    return Refused(reason, f"{pool.name}: of {len(candidates)} hosts {detail}")


def check_alias(admission: Admission, alias: str) -> ResourceName:
    """Return the resource the alias names, which must be the one the admission opens.

    Raises:
        Refused: `RESOURCE_NOT_GRANTED`.
    """
    if alias != admission.resource:
        raise Refused(
            Reason.RESOURCE_NOT_GRANTED, f"asked for {alias[:80]!r}, admitted to {admission.resource}"
        )
    return admission.resource

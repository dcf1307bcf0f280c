"""The host's decision about the provider: judged before each dial, and again while it lasts.

What the platform says of a request is its claim; what a host knows by itself is its own id, its settings, the
target it would dial, its clock, and which keys may give consent. Rules of this file:

- Without a `[consent]` table nobody of the provider comes in. With one, users come in only if it says so:
  otherwise the platform could send the provider's staff as users.
- Between judging a grant and keeping its use nothing is awaited, and what is not kept opens nothing: a grant
  for one use opens one visit (`consent_uses`), whatever comes at once or after a restart.
- Only grants that a trusted key has signed are remembered, so that the platform cannot make the host forget.
- What cannot be read forbids.

Left out: who staff and roles are. A platform that lies about them can use a grant for somebody else of the
provider, on the same host, for the same thing, as long as it holds.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialback.agent.consent_files import AskedConsent, ConsentFiles, ConsentUnreadable, SeenGrant, State
from dialback.agent.consent_uses import GoingVisits
from dialback.agent.settings import ConsentSettings, policy_of
from dialback.domain.consent import (
    MAX_WAIT,
    ConsentRequest,
    ConsentScope,
    Grant,
    GrantStanding,
    decide,
)
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, TenantId
from dialback.identity.grants import OwnedKey, SignedGrant, merge, open_owned, parse
from dialback.observe.log import get_logger
from dialback.wire.agent.messages import ConsentOrder, Dial
from dialback.wire.management.session import MANAGEMENT_TARGET

MOST_SEEN = 1000
MOST_TOLD = 1000
MOST_ASKED = 50
KEEP_SEEN = timedelta(days=2)
"""How long a grant that is over is remembered, lest a clock that is set back makes it new."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """What was let in: who, for what, by which grant, if any, and what else it may do."""

    request: ConsentRequest
    scopes: frozenset[ConsentScope]
    grant: Grant | None = None
    signers: frozenset[str] = frozenset()


def local_now() -> datetime:
    """Return the time in the host's own time zone."""
    return datetime.now().astimezone()


class HostConsent:
    """What one host lets the provider do.

    Args:
        settings: the table `[consent]`; None if there is none.
        now: the host's time, in its own time zone.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        files: ConsentFiles,
        host: HostId,
        settings: ConsentSettings | None,
        now: Callable[[], datetime] = local_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._host = host
        self._settings = settings
        self._policy = policy_of(settings) if settings else None
        self._now = now
        self._going = GoingVisits(clock)
        self._state: State | None = None

    def judge(self, order: Dial) -> Visit | None:
        """Return what the order is let in for, its use being kept; None if it is a user's.

        A visit has ended when `ended` is told so.

        Raises:
            Refused: `AGENT_REFUSED` about a user; else `CONSENT_FORBIDDEN`, `CONSENT_WANTED` or one of the
                reasons of a grant.
        """
        if order.consent is None:
            self._check_user(order)
            return None
        try:
            visit = self._judged(order, order.consent)
        except ConsentUnreadable as problem:
            _log.error("consent cannot be judged", why=str(problem))
            raise Refused(Reason.CONSENT_FORBIDDEN, "the host cannot read what it keeps of consent") from None
        grant = visit.grant.id if visit.grant else ""
        signers = ", ".join(sorted(visit.signers))
        _log.info("provider let in", **_fields(order), grant=grant, signed_by=signers)
        return visit

    def ended(self, visit: Visit) -> None:
        """Note that what was let in has ended, or was never dialled."""
        if visit.grant is not None:
            self._going.end(visit.grant, visit.request)

    def check(self, visit: Visit) -> None:
        """Return while the visit may last; raise `Refused` as soon as it may not."""
        assert self._policy is not None
        try:
            revoked = visit.grant is not None and self._is_revoked(visit.grant.id)
        except ConsentUnreadable as problem:
            raise Refused(Reason.CONSENT_FORBIDDEN, str(problem)) from None
        if visit.grant is not None and revoked:
            raise Refused(Reason.GRANT_REVOKED, visit.grant.id)
        standing = GrantStanding(visit.grant, visit.signers) if visit.grant else None
        decide(self._policy, visit.request, standing, self._now())

    def revoke(self, grant_id: str) -> None:
        """Remember that the platform says the tenant has revoked the grant."""
        _log.info("grant revoked", grant=grant_id)
        try:
            state = self._loaded()
            seen = state.grants.get(grant_id)
            if seen is not None:
                revoked = {**state.grants, grant_id: replace(seen, revoked=True)}
                self._keep(replace(state, grants=revoked))
            elif grant_id not in state.revoked:
                self._keep(replace(state, revoked=(*state.revoked, grant_id)[-MOST_TOLD:]))
        except ConsentUnreadable as problem:
            _log.error("revoked grant not kept", grant=grant_id, why=str(problem))

    def _check_user(self, order: Dial) -> None:
        if order.target == MANAGEMENT_TARGET:
            raise Refused(Reason.AGENT_REFUSED, "management is for the provider, with consent")
        if self._settings is not None and self._settings.users == "refuse":
            raise Refused(
                Reason.AGENT_REFUSED,
                "this host is for the provider alone; see `consent.users` in its settings",
            )

    def _judged(self, order: Dial, consent: ConsentOrder) -> Visit:
        if self._policy is None:
            raise Refused(Reason.CONSENT_FORBIDDEN, "no consent policy on this host")
        request = self._request(order, consent)
        try:
            visit = self._opened(request, consent.grant or "")
        except Refused as refused:
            if refused.reason is Reason.CONSENT_WANTED:
                self._keep_asked(request, consent.grant or "")
            raise
        if visit.grant is not None:
            if not self._going.goes_on(visit.grant, request):
                self._keep_use(visit.grant)
            self._going.begin(visit.grant, request)
        self._forget_asked(request)
        return visit

    def _request(self, order: Dial, consent: ConsentOrder) -> ConsentRequest:
        """Return what is asked for, about this host and what it would dial, whatever the platform says."""
        managed = order.target == MANAGEMENT_TARGET
        try:
            scope = ConsentScope(consent.scope)
            if managed is (scope is ConsentScope.DESKTOP):
                raise ValueError(f"expected another target for {scope}")
            return ConsentRequest(
                id=consent.request_id,
                tenant=TenantId(consent.tenant),
                host=self._host,
                staff=consent.staff,
                role=consent.role,
                scope=scope,
                target="" if managed else order.target,
                purpose=consent.purpose,
                asked_at=consent.asked_at,
                ticket_number=consent.ticket_number,
            )
        except ValueError as error:
            raise Refused(Reason.CONSENT_FORBIDDEN, str(error)) from None

    def _opened(self, request: ConsentRequest, shown: str) -> Visit:
        """Return the visit by the first grant that opens it; raise what is wrong with the first of them."""
        first: Refused | None = None
        for standing in self._standings(request, shown):
            try:
                return self._visit(request, standing)
            except Refused as refused:
                first = first or refused
        if first is None:
            return self._visit(request, None)
        raise first

    def _visit(self, request: ConsentRequest, standing: GrantStanding | None) -> Visit:
        assert self._policy is not None
        now = self._now()
        try:
            decide(self._policy, request, standing, now)
        except Refused as refused:
            if refused.reason is Reason.GRANT_UNSIGNED and standing is not None and standing.signers:
                raise Refused(Reason.CONSENT_WANTED, refused.detail) from None
            raise
        if standing is not None and standing.revoked:
            raise Refused(Reason.GRANT_REVOKED, standing.grant.id)
        scopes = frozenset(scope for scope in ConsentScope if self._covers(request, scope, standing, now))
        if standing is None or not standing.signers:
            return Visit(request, scopes)
        return Visit(request, scopes, standing.grant, standing.signers)

    def _covers(
        self, request: ConsentRequest, scope: ConsentScope, standing: GrantStanding | None, now: datetime
    ) -> bool:
        """Say whether the same consent is one to this scope too; a desktop has a connection of its own."""
        assert self._policy is not None
        if ConsentScope.DESKTOP in (scope, request.scope):
            return scope is request.scope
        try:
            decide(self._policy, replace(request, scope=scope), standing, now)
        except Refused:
            return False
        return True

    def _standings(self, request: ConsentRequest, shown: str) -> Iterator[GrantStanding]:
        """Give what is known of the grant that is shown, then of each that was given at the host."""
        assert self._settings is not None
        trusted = self._files.trusted(self._settings.keys)
        given = [parse(text) for text in self._files.given().grants]
        if shown:
            signed = parse(shown)
            for each in given:
                if each.body == signed.body:
                    signed = merge(signed, each)
            yield self._standing(signed, trusted, request)
        for each in given:
            standing = self._standing(each, trusted, request)
            # Others given here are for others; that they do not fit is nothing to tell anybody.
            if standing.grant.staff == request.staff and request.scope in standing.grant.scopes:
                yield standing

    def _standing(
        self, signed: SignedGrant, trusted: Mapping[str, OwnedKey], request: ConsentRequest
    ) -> GrantStanding:
        grant, signers = open_owned(signed, trusted)
        seen = self._loaded().grants.get(grant.id)
        used = seen.used if seen else 0
        if self._going.goes_on(grant, request):
            used -= 1
        return GrantStanding(grant, signers, used, self._is_revoked(grant.id))

    def _is_revoked(self, grant_id: str) -> bool:
        state = self._loaded()
        seen = state.grants.get(grant_id)
        return (
            grant_id in self._files.given().revoked
            or grant_id in state.revoked
            or (seen is not None and seen.revoked)
        )

    def _keep_use(self, grant: Grant) -> None:
        state, over = self._loaded(), self._now() - KEEP_SEEN
        grants = {id: seen for id, seen in state.grants.items() if seen.until > over}
        if grant.id not in grants and len(grants) >= MOST_SEEN:
            raise Refused(Reason.CONSENT_FORBIDDEN, f"the host remembers {MOST_SEEN} grants already")
        seen = grants.get(grant.id, SeenGrant(grant.until))
        self._keep(replace(state, grants={**grants, grant.id: replace(seen, used=seen.used + 1)}))

    def _keep(self, state: State) -> None:
        # In memory first: what is on the disk may be older, never newer.
        self._state = state
        self._files.save_state(state)

    def _loaded(self) -> State:
        if self._state is None:
            self._state = self._files.state()
        return self._state

    def _keep_asked(self, request: ConsentRequest, grant: str) -> None:
        """Note what waits, for whoever approves at the host."""
        wanted = AskedConsent(request, grant)
        known = self._files.asked()
        if wanted not in known:
            _log.info("consent wanted", request=request.id, **_request_fields(request))
            others = self._others(known, request)
            self._files.save_asked((*others, wanted)[-MOST_ASKED:])

    def _forget_asked(self, request: ConsentRequest) -> None:
        known = self._files.asked()
        others = self._others(known, request)
        if others != known:
            self._files.save_asked(others)

    def _others(self, known: Iterable[AskedConsent], request: ConsentRequest) -> tuple[AskedConsent, ...]:
        newest = self._now() - MAX_WAIT
        return tuple(
            each for each in known if each.request.id != request.id and each.request.asked_at > newest
        )


def _fields(order: Dial) -> dict[str, str]:
    consent = order.consent
    assert consent is not None
    return {
        "connection_id": order.connection_id,
        "staff": consent.staff,
        "scope": consent.scope,
        "target": order.target,
        "purpose": consent.purpose,
        "ticket_number": consent.ticket_number,
    }


def _request_fields(request: ConsentRequest) -> dict[str, str]:
    return {
        "staff": request.staff,
        "scope": request.scope.value,
        "target": request.target,
        "purpose": request.purpose,
    }

"""The broker's answers to a gateway: whom a token admits, where a connection goes, and the order to dial.

Facts are fetched here and decided in `domain`; the decision is carried out here. Approving and waking take
minutes, and what was decided before is decided anew after them, on new facts. Between reading the facts of a
placement and noting its choice nothing is awaited, so that connections that are placed at once see each
other.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from dialback.broker.links import Links
from dialback.broker.metering import Metering
from dialback.broker.records import Records
from dialback.broker.visits import Visits
from dialback.domain.access import TokenKind, check_published, check_token, check_token_text
from dialback.domain.contracts import (
    Admission,
    Approver,
    Attempt,
    Broker,
    DialOrder,
    Placement,
    Store,
    StoreUnavailable,
    Waker,
)
from dialback.domain.directory import HostStanding, NotThere, Published
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, ResourceName, TenantId, UserId, UserName
from dialback.domain.placement import Candidate, Choice, candidate_of, check_alias, choose_session_host
from dialback.domain.pools import HostPool
from dialback.domain.provider import Terms
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord, Stage
from dialback.domain.tenancy import User
from dialback.identity.tokens import hash_token
from dialback.observe.log import get_logger

MOST_CHOICES = 32
"""How often a user may lose a free host to another before they are refused."""
_log = get_logger(__name__)


class AlwaysApproved(Approver):
    """Asks nobody."""

    async def approve(self, admission: Admission, published: Published, attempt: Attempt) -> str:
        return ""


class NeverWoken(Waker):
    """Wakes nothing."""

    async def wake(self, pool: HostPool, host: HostStanding) -> None:
        raise Refused(Reason.HOST_OFFLINE, f"{host.name} sleeps, and nothing here can wake it")

    def wakes(self, host_id: HostId) -> bool:
        return False


class StoreBroker(Broker):
    """The broker over a store with its directory and the agent links of this process.

    Args:
        draw: gives random numbers, at least 0 and below 1.
        clock: monotonic seconds.
        visits: serves the provider's staff; without it they are refused, and no tenant's terms are kept.
        metering: counts what is moved for each tenant.
    """

    def __init__(
        self,
        store: Store,
        links: Links,
        records: Records,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        approver: Approver | None = None,
        waker: Waker | None = None,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        visits: Visits | None = None,
        metering: Metering | None = None,
    ) -> None:
        self._store = store
        self._directory = store.directory
        self._links = links
        self._records = records
        self._now = now
        self._approver = approver or AlwaysApproved()
        self._waker = waker or NeverWoken()
        self._draw = draw
        self._clock = clock
        self._visits = visits
        self._metering = metering
        self._in_flight = links.in_flight

    async def admit(self, token: Secret) -> Admission:
        check_token_text(token.reveal())
        with _store_answers():
            stored, use = await self._store.token(hash_token(token))
            admitted = check_token(stored, use, self._now())
            if admitted.kind is TokenKind.PROVIDER:
                return await self._visitors().admit(admitted)
            published = await self._published(admitted.tenant, admitted.user_id, admitted.resource)
        return Admission(
            admitted.tenant,
            admitted.user_id,
            admitted.user,
            admitted.resource,
            admitted.hash,
            published.pool.redirections,
            admitted.kind,
        )

    async def place(self, admission: Admission, attempt: Attempt) -> Placement:
        if admission.kind is TokenKind.PROVIDER:
            with _store_answers():
                return await self._visitors().place(admission, attempt)
        name = check_alias(admission, attempt.alias)
        with _store_answers():
            terms = Terms(admission.tenant)
            if self._visits is not None:
                terms = await self._visits.check_served(admission.tenant, attempt.connection_id)
            published = await self._published(admission.tenant, admission.user_id, name)
            begun_at = self._clock()
            notice = await self._approver.approve(admission, published, attempt)
            parked_s = {Stage.APPROVE: self._clock() - begun_at} if notice else {}
            for attempts in range(MOST_CHOICES):
                if notice or attempts:
                    # Asked again: approving and waking may take minutes, in which the user was disabled.
                    published = await self._published(admission.tenant, admission.user_id, name)
                pool = published.pool
                if Stage.WAKE in parked_s:
                    # Once is enough: a host that has gone again would be woken for ever.
                    pool = replace(pool, start_on_connect=None)
                standings = await self._directory.standings(admission.tenant, pool.id, admission.user)
                choice = self._choose(admission, attempt, pool, standings)
                standing = next(each for each in standings if each.member == choice.member)
                if choice.claim and not await self._claim(admission, standing):
                    self._in_flight.end(attempt.connection_id)
                elif choice.wake:
                    parked_s[Stage.WAKE] = await self._woken_s(pool, standing, attempt)
                else:
                    return _placement(published, standing, choice, parked_s, notice, terms)
        raise Refused(Reason.PERSONAL_HOSTS_TAKEN, published.pool.name)

    async def dial(self, order: DialOrder) -> None:
        await self._links.dial(order)

    async def consent(self, placement: Placement, attempt: Attempt) -> Placement:
        with _store_answers():
            return await self._visitors().consent(placement, attempt)

    async def opened(self, record: ConnectionRecord) -> None:
        self._meter(record)
        self._records.keep(record)

    async def ended(self, record: ConnectionRecord) -> None:
        if not record.relayed:
            self._in_flight.end(record.id)
        if self._visits is not None:
            self._visits.ended(record.id)
        self._meter(record)
        self._records.keep(record)

    def _visitors(self) -> Visits:
        if self._visits is None:
            raise Refused(Reason.RESOURCE_NOT_GRANTED, "nobody of the provider is served here")
        return self._visits

    def _meter(self, record: ConnectionRecord) -> None:
        if self._metering is not None:
            self._metering.take(record)

    async def _published(self, tenant: TenantId, user: UserId, name: ResourceName) -> Published:
        published = await self._directory.published(tenant, user, name)
        known = None if published else await self._directory.get(User, tenant, user)
        return check_published(published, known)

    def _choose(
        self, admission: Admission, attempt: Attempt, pool: HostPool, standings: Sequence[HostStanding]
    ) -> Choice:
        candidates = [self._candidate(standing, admission.user) for standing in standings]
        choice = choose_session_host(pool, candidates, admission.user_id, self._draw())
        if choice.session is None:
            self._in_flight.begin(attempt.connection_id, choice.member.host, admission.user)
        else:
            self._in_flight.end(attempt.connection_id)
        return choice

    def _candidate(self, standing: HostStanding, user: UserName) -> Candidate:
        host = standing.member.host
        # What is kept of a link may be old, or another broker's: a host is reached over a link of ours.
        up = self._links.up(host) and not self._waker.wakes(host)
        in_flight, placed = self._in_flight.on(host), self._in_flight.has(host, user)
        return candidate_of(standing, up=up, in_flight=in_flight, placed=placed)

    async def _claim(self, admission: Admission, standing: HostStanding) -> bool:
        """Make the host the user's own; False if somebody else was faster, or the user is gone."""
        try:
            return await self._directory.claim_host(admission.tenant, standing.member.host, admission.user_id)
        except NotThere:
            return False

    async def _woken_s(self, pool: HostPool, standing: HostStanding, attempt: Attempt) -> float:
        """Wake the host, which the connection goes on counting for; return how long it took."""
        _log.info("host is woken", host=standing.member.host, pool=pool.id)
        begun_at = self._clock()
        with self._in_flight.held(attempt.connection_id):
            await self._waker.wake(pool, standing)
        return self._clock() - begun_at


def _placement(
    published: Published,
    standing: HostStanding,
    choice: Choice,
    parked_s: Mapping[Stage, float],
    notice: str,
    terms: Terms,
) -> Placement:
    return Placement(
        standing.member.host,
        standing.name,
        standing.public_key,
        published.resource.target,
        choice.because,
        published.pool.id,
        parked_s,
        notice,
        most_bytes_s=terms.most_bytes_s,
    )


@contextmanager
def _store_answers() -> Iterator[None]:
    """Refuse when the store does not answer."""
    try:
        yield
    except StoreUnavailable as error:
        raise Refused(Reason.STORE_UNAVAILABLE, str(error)) from error

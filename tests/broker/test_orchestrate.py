"""Admitting and placing over a store, by what users and administrators see of it."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.broker.inflight import LIFE_S, InFlight
from dialback.broker.links import Links
from dialback.broker.orchestrate import StoreBroker
from dialback.broker.records import Records
from dialback.domain.access import TokenKind
from dialback.domain.catalog import UserAssignment
from dialback.domain.contracts import Admission, Approver, Attempt, DialOrder, Placement, Waker
from dialback.domain.directory import HostStanding, Published
from dialback.domain.errors import Reason, Refused
from dialback.domain.health import Check
from dialback.domain.hosts import JoinCode
from dialback.domain.ids import ConnectionId, HostId, PoolId, SessionId, TenantId, TokenHash, UserId, UserName
from dialback.domain.pools import HostPool, PoolHost, PoolKind, Redirection, StartOnConnect, WakeMethod
from dialback.domain.secret import Secret
from dialback.domain.sessions import Because, Session, SessionState, Stage
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.identity.tokens import hash_token
from dialback.observe.metrics import Metrics
from tests.broker.stores import (
    ANNE,
    AWAY,
    GROUP,
    HOST,
    NOW,
    POOL,
    RECORD,
    RESOURCE,
    SECRET,
    TOKEN,
    USER,
    FailingStore,
    filled,
)

ALLOWED = frozenset({Redirection.CLIPBOARD, Redirection.SOUND})
ADMISSION = Admission(MAIN, ANNE.id, USER, RESOURCE.name, TOKEN.hash, ALLOWED)
ATTEMPT = Attempt(ConnectionId("c1"), RESOURCE.name, "192.0.2.7", "ANNE-PC")
LATE = TOKEN.expires_at
ACME = TenantId("acme")


class Standing(Links):
    """Links of which all stand, or those alone that are named."""

    def __init__(self, store: FailingStore, up: bool | Iterable[str] = True) -> None:
        super().__init__(store, "ab" * 32, Metrics())
        self.standing = up
        self.orders: list[DialOrder] = []

    def up(self, host_id: HostId) -> bool:
        return self.standing if isinstance(self.standing, bool) else host_id in self.standing

    async def dial(self, order: DialOrder) -> None:
        self.orders.append(order)


class Asked(Approver):
    """Approves, or refuses for a reason; keeps who asked. `meanwhile` happens while the client is parked."""

    def __init__(self, reason: Reason | None = None, meanwhile: Awaitable[object] | None = None) -> None:
        self._reason, self._meanwhile = reason, meanwhile
        self.asked: list[tuple[Admission, Published, Attempt]] = []

    async def approve(self, admission: Admission, published: Published, attempt: Attempt) -> str:
        self.asked.append((admission, published, attempt))
        if self._meanwhile is not None:
            await self._meanwhile
        if self._reason is not None:
            raise Refused(self._reason)
        return "Approved by anne."


class Woken(Waker):
    """Wakes every host of the links, and keeps for which; `meanwhile` happens while the client is parked."""

    def __init__(self, links: Standing, meanwhile: Awaitable[object] | None = None) -> None:
        self._links, self._meanwhile = links, meanwhile
        self.woken: list[tuple[PoolId, HostId]] = []
        self.waking: set[HostId] = set()

    async def wake(self, pool: HostPool, host: HostStanding) -> None:
        self.woken.append((pool.id, host.member.host))
        if self._meanwhile is not None:
            await self._meanwhile
        self._links.standing = True
        self.waking.clear()

    def wakes(self, host_id: HostId) -> bool:
        return host_id in self.waking


@pytest.fixture
async def store() -> FailingStore:
    return await filled()


def broker(
    store: FailingStore, *, up: bool | Iterable[str] = True, after: timedelta = timedelta(), draw: float = 0.0
) -> StoreBroker:
    return StoreBroker(store, Standing(store, up), Records(store), lambda: NOW + after, draw=lambda: draw)


def broker_of_draws(store: FailingStore, *draws: float) -> StoreBroker:
    """Return a broker that draws these numbers, one for each placement."""
    return StoreBroker(store, Standing(store), Records(store), lambda: NOW, draw=iter(draws).__next__)


def attempt(number: int) -> Attempt:
    return replace(ATTEMPT, connection_id=ConnectionId(f"c{number}"))


async def refusal(attempt: Awaitable[object]) -> Reason:
    with pytest.raises(Refused) as refused:
        await attempt
    return refused.value.reason


async def add_host(store: FailingStore, name: str, pool: PoolId = POOL, tenant: TenantId = MAIN) -> HostId:
    """Enrol another host into the pool."""
    code = JoinCode(TokenHash(f"code of {name}"), name, NOW + timedelta(hours=1), tenant=tenant, pool=pool)
    await store.save_join_code(code)
    return (await store.enrol_host(code.hash, replace(HOST, id=HostId(name)), NOW)).id


async def add_user(store: FailingStore, name: str) -> Admission:
    """Make another user who may use the resource; return their admission."""
    user = User(MAIN, UserId(f"u-{name}"), UserName(name))
    await store.directory.save(user)
    await store.directory.assign(UserAssignment(MAIN, GROUP.id, user.id))
    return replace(ADMISSION, user_id=user.id, user=user.name)


async def set_pool(store: FailingStore, **changes: object) -> None:
    pool = await store.directory.get(HostPool, MAIN, POOL)
    await store.directory.save(replace(pool, version=0, **changes))


def session(host: HostId, user: str = USER) -> Session:
    return Session(MAIN, host, SessionId(user), UserName(user), SessionState.DISCONNECTED, NOW)


# Admitting.


async def test_good_token_admits_its_user_to_its_resource(store: FailingStore) -> None:
    assert await broker(store).admit(Secret(SECRET)) == ADMISSION


async def test_admission_allows_what_the_pool_does_now(store: FailingStore) -> None:
    await set_pool(store, redirections=frozenset({Redirection.DRIVES}))

    admission = await broker(store).admit(Secret(SECRET))

    assert admission.redirections == {Redirection.DRIVES}


async def test_ticket_admits_as_one(store: FailingStore) -> None:
    ticket = replace(TOKEN, hash=hash_token("t" * 43), kind=TokenKind.TICKET)
    await store.save_token(ticket)

    assert (await broker(store).admit(Secret("t" * 43))).kind is TokenKind.TICKET


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.TOKEN_MISSING),
        ("no token", Reason.TOKEN_MALFORMED),
        ("x" * 65, Reason.TOKEN_OVERSIZED),
        ("y" * 43, Reason.TOKEN_UNKNOWN),
        ("\ud800", Reason.TOKEN_MALFORMED),
    ],
)
async def test_text_that_is_no_token_of_ours_admits_nobody(
    store: FailingStore, text: str, reason: Reason
) -> None:
    assert await refusal(broker(store).admit(Secret(text))) is reason


async def test_token_that_expired_or_was_revoked_admits_nobody(store: FailingStore) -> None:
    after = LATE - NOW
    assert await refusal(broker(store, after=after).admit(Secret(SECRET))) is Reason.TOKEN_EXPIRED

    await store.revoke_token(TOKEN.hash, NOW)
    assert await refusal(broker(store).admit(Secret(SECRET))) is Reason.TOKEN_REVOKED


async def test_expired_token_admits_while_its_connection_is_open(store: FailingStore) -> None:
    await store.save_connection(RECORD)

    assert await broker(store, after=LATE - NOW).admit(Secret(SECRET)) == ADMISSION


async def test_disabled_user_is_neither_admitted_nor_placed(store: FailingStore) -> None:
    await store.directory.save(replace(ANNE, disabled_at=NOW))

    assert await refusal(broker(store).admit(Secret(SECRET))) is Reason.USER_DISABLED
    assert await refusal(broker(store).place(ADMISSION, ATTEMPT)) is Reason.USER_DISABLED


async def test_user_who_lost_the_resource_is_neither_admitted_nor_placed(store: FailingStore) -> None:
    await store.directory.unassign(UserAssignment(MAIN, GROUP.id, ANNE.id))

    assert await refusal(broker(store).admit(Secret(SECRET))) is Reason.RESOURCE_NOT_ASSIGNED
    assert await refusal(broker(store).place(ADMISSION, ATTEMPT)) is Reason.RESOURCE_NOT_ASSIGNED


async def test_token_of_one_tenant_never_opens_the_namesake_in_another(store: FailingStore) -> None:
    await store.directory.save_tenant(Tenant(ACME, "Acme"))
    await store.directory.save(HostPool(ACME, POOL, "Acme pool"))
    await add_host(store, "acme-host", tenant=ACME)
    for noun in (ANNE, GROUP, RESOURCE):
        await store.directory.save(replace(noun, tenant=ACME))  # type: ignore[type-var]
    await store.save_token(replace(TOKEN, hash=hash_token("a" * 43), tenant=ACME))

    # Acme's user of the same id and name has no assignment of their own.
    assert await refusal(broker(store).admit(Secret("a" * 43))) is Reason.RESOURCE_NOT_ASSIGNED
    theirs = replace(ADMISSION, tenant=ACME)
    assert await refusal(broker(store).place(theirs, ATTEMPT)) is Reason.RESOURCE_NOT_ASSIGNED

    await store.directory.assign(UserAssignment(ACME, GROUP.id, ANNE.id))
    assert (await broker(store).admit(Secret("a" * 43))).tenant == ACME
    assert (await broker(store).place(theirs, ATTEMPT)).host_id == "acme-host"
    assert (await broker(store).place(ADMISSION, ATTEMPT)).host_id == HOST.id


# Placing.


async def test_granted_alias_is_placed_on_a_host_of_its_pool(store: FailingStore) -> None:
    placed = await broker(store).place(ADMISSION, ATTEMPT)

    because = Because.BREADTH_FIRST
    assert placed == Placement(HOST.id, HOST.name, HOST.public_key, RESOURCE.target, because, POOL)


async def test_alias_the_admission_does_not_open_is_not_placed(store: FailingStore) -> None:
    other = replace(ATTEMPT, alias="other")

    assert await refusal(broker(store).place(ADMISSION, other)) is Reason.RESOURCE_NOT_GRANTED


async def test_existing_session_wins_even_on_a_drained_host(store: FailingStore) -> None:
    second = await add_host(store, "h2")
    await store.directory.save_pool_host(PoolHost(MAIN, POOL, second, drained=True))
    await store.directory.save_sessions(MAIN, second, [session(second)])

    placed = await broker(store).place(ADMISSION, ATTEMPT)

    assert (placed.host_id, placed.because) == (second, Because.EXISTING_SESSION)


async def test_drained_hosts_take_nobody_new(store: FailingStore) -> None:
    await store.directory.save_pool_host(PoolHost(MAIN, POOL, HOST.id, drained=True))

    assert await refusal(broker(store).place(ADMISSION, ATTEMPT)) is Reason.HOSTS_DRAINED


async def test_host_whose_link_is_not_here_takes_nobody_whatever_is_kept_of_it(store: FailingStore) -> None:
    second = await add_host(store, "h2")
    await store.set_link(HOST.id, True, NOW)

    assert (await broker(store, up={"h2"}).place(ADMISSION, ATTEMPT)).host_id == second
    nowhere = broker(store, up=False).place(ADMISSION, ATTEMPT)
    assert await refusal(nowhere) is Reason.HOSTS_UNHEALTHY


async def test_link_that_is_here_counts_whatever_is_kept_of_it(store: FailingStore) -> None:
    await store.directory.save_health(MAIN, HOST.id, [Check.LINK])

    assert (await broker(store).place(ADMISSION, ATTEMPT)).host_id == HOST.id


async def test_host_that_cannot_dial_back_takes_nobody(store: FailingStore) -> None:
    second = await add_host(store, "h2")
    await store.directory.save_health(MAIN, HOST.id, [Check.DIAL_BACK])

    assert (await broker(store).place(ADMISSION, ATTEMPT)).host_id == second


async def test_one_host_that_is_offline_or_removed_says_so(store: FailingStore) -> None:
    assert await refusal(broker(store, up=False).place(ADMISSION, ATTEMPT)) is Reason.HOST_OFFLINE

    await store.revoke_host(HOST.id, NOW)
    assert await refusal(broker(store).place(ADMISSION, ATTEMPT)) is Reason.POOL_EMPTY


async def test_store_that_is_away_refuses_and_says_so(store: FailingStore) -> None:
    store.away = AWAY

    assert await refusal(broker(store).admit(Secret(SECRET))) is Reason.STORE_UNAVAILABLE
    assert await refusal(broker(store).place(ADMISSION, ATTEMPT)) is Reason.STORE_UNAVAILABLE


# Connections that are placed at once.


async def test_users_who_come_at_once_are_spread_before_any_host_reports(store: FailingStore) -> None:
    for name in ("h2", "h3", "h4"):
        await add_host(store, name)
    admissions = [await add_user(store, f"user{number}") for number in range(8)]
    asked = broker(store)

    placed = await asyncio.gather(
        *(asked.place(admission, attempt(number)) for number, admission in enumerate(admissions))
    )

    # The draw is always the same: if they did not see each other, all would be on one host.
    hosts = [placement.host_id for placement in placed]
    assert sorted(hosts.count(host) for host in set(hosts)) == [2, 3, 3]


async def test_session_limit_holds_although_no_host_has_reported(store: FailingStore) -> None:
    await set_pool(store, session_limit=2)
    admissions = [await add_user(store, f"user{number}") for number in range(3)]
    asked = broker(store)

    for number in range(2):
        await asked.place(admissions[number], attempt(number))
    assert await refusal(asked.place(admissions[2], attempt(2))) is Reason.HOSTS_FULL

    await asked.ended(replace(RECORD, id=attempt(0).connection_id, ended_at=NOW, reason=Reason.CLIENT_LEFT))
    assert (await asked.place(admissions[2], attempt(2))).host_id == HOST.id


async def test_session_that_the_host_reports_is_not_counted_twice(store: FailingStore) -> None:
    await set_pool(store, session_limit=2)
    links = Standing(store)
    asked = StoreBroker(store, links, Records(store))
    other = await add_user(store, "ben")
    await asked.place(ADMISSION, ATTEMPT)

    await store.directory.save_sessions(MAIN, HOST.id, [session(HOST.id)])
    links.in_flight.shown(HOST.id, [session(HOST.id)])

    assert (await asked.place(other, attempt(2))).host_id == HOST.id


async def test_coming_back_to_a_session_does_not_count_as_another(store: FailingStore) -> None:
    await set_pool(store, session_limit=2)
    await store.directory.save_sessions(MAIN, HOST.id, [session(HOST.id)])
    other = await add_user(store, "ben")
    asked = broker(store)

    for number in range(5):
        assert (await asked.place(ADMISSION, attempt(number))).because is Because.EXISTING_SESSION
    assert (await asked.place(other, attempt(9))).because is Because.BREADTH_FIRST


ENDED = replace(RECORD, ended_at=NOW, reason=Reason.CLIENT_LOST)


async def test_two_resources_that_a_user_opens_at_once_are_on_one_host(store: FailingStore) -> None:
    await add_host(store, "h2")
    other = await add_user(store, "ben")
    asked = broker_of_draws(store, 0.0, 0.9, 0.9)

    first, second = [await asked.place(ADMISSION, attempt(number)) for number in range(2)]

    assert first.host_id == second.host_id
    assert (await asked.place(other, attempt(3))).host_id != first.host_id


async def test_user_who_comes_back_before_the_host_lists_their_session_finds_it(store: FailingStore) -> None:
    await set_pool(store, session_limit=1)
    await add_host(store, "h2")
    asked = broker_of_draws(store, 0.0, 0.9)
    first = await asked.place(ADMISSION, attempt(1))
    relayed = replace(ENDED, id=attempt(1).connection_id, timeline={Stage.REVERSE: 1.0})
    await asked.ended(relayed)

    assert (await asked.place(ADMISSION, attempt(2))).host_id == first.host_id


async def test_user_who_did_not_reach_a_host_is_not_held_to_it(store: FailingStore) -> None:
    await add_host(store, "h2")
    asked = broker_of_draws(store, 0.0, 0.9)
    first = await asked.place(ADMISSION, attempt(1))
    await asked.ended(replace(ENDED, id=attempt(1).connection_id, reason=Reason.AGENT_SILENT))

    assert (await asked.place(ADMISSION, attempt(2))).host_id != first.host_id


# Personal hosts.


async def test_each_user_of_a_personal_pool_gets_a_host_of_their_own(store: FailingStore) -> None:
    await set_pool(store, kind=PoolKind.PERSONAL)
    names = [HOST.id, *[await add_host(store, f"h{number}") for number in range(2, 7)]]
    admissions = [await add_user(store, f"user{number}") for number in range(6)]
    # Two brokers that know nothing of each other, and both would take the first free host.
    brokers = [broker(store), broker(store)]

    placed = await asyncio.gather(
        *(
            brokers[number % 2].place(admission, attempt(number))
            for number, admission in enumerate(admissions)
        )
    )

    assert {placement.host_id for placement in placed} == set(names)
    owners = {member.host: member.owner for member in await store.directory.pool_hosts(MAIN, POOL)}
    for admission, placement in zip(admissions, placed, strict=True):
        assert owners[placement.host_id] == admission.user_id
        again = await brokers[0].place(admission, ATTEMPT)
        assert (again.host_id, again.because) == (placement.host_id, Because.OWN_HOST)


async def test_user_who_comes_twice_at_once_gets_one_host(
    store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_pool(store, kind=PoolKind.PERSONAL)
    for name in ("h2", "h3"):
        await add_host(store, name)
    # Two brokers that know nothing of each other, and would take different hosts.
    brokers = [broker(store), broker(store, draw=0.9)]
    claim, both_have_chosen = store._directory.claim_host, asyncio.Barrier(2)

    async def claim_host(tenant: TenantId, host: HostId, user: UserId) -> bool:
        await both_have_chosen.wait()
        return await claim(tenant, host, user)

    monkeypatch.setattr(store._directory, "claim_host", claim_host)

    placed = await asyncio.gather(*(each.place(ADMISSION, ATTEMPT) for each in brokers))

    assert len({placement.host_id for placement in placed}) == 1
    owners = [member.owner for member in await store.directory.pool_hosts(MAIN, POOL)]
    assert owners.count(ANNE.id) == 1


async def test_one_too_many_of_a_personal_pool_is_refused(store: FailingStore) -> None:
    await set_pool(store, kind=PoolKind.PERSONAL)
    other = await add_user(store, "ben")
    asked = broker(store)

    results = await asyncio.gather(
        asked.place(ADMISSION, ATTEMPT), asked.place(other, attempt(2)), return_exceptions=True
    )

    (refused,) = [result for result in results if isinstance(result, Refused)]
    assert refused.reason is Reason.PERSONAL_HOSTS_TAKEN


# Approving and waking.


async def test_approver_is_asked_with_what_the_client_wants(store: FailingStore) -> None:
    approver = Asked()
    asked = StoreBroker(store, Standing(store), Records(store), approver=approver)

    await asked.place(ADMISSION, ATTEMPT)

    ((admission, published, wanted),) = approver.asked
    assert (admission, published.resource, wanted) == (ADMISSION, RESOURCE, ATTEMPT)


async def test_nobody_is_placed_whom_the_approver_refuses(store: FailingStore) -> None:
    links = Standing(store)
    asked = StoreBroker(store, links, Records(store), approver=Asked(Reason.DEADLINE_PASSED))

    assert await refusal(asked.place(ADMISSION, ATTEMPT)) is Reason.DEADLINE_PASSED
    assert links.in_flight.on(HOST.id) == 0


async def test_approver_is_not_asked_about_what_the_user_may_not_use(store: FailingStore) -> None:
    await store.directory.unassign(UserAssignment(MAIN, GROUP.id, ANNE.id))
    approver = Asked()
    asked = StoreBroker(store, Standing(store), Records(store), approver=approver)

    assert await refusal(asked.place(ADMISSION, ATTEMPT)) is Reason.RESOURCE_NOT_ASSIGNED
    assert approver.asked == []


async def test_assignment_that_is_taken_back_while_the_client_is_parked_counts(store: FailingStore) -> None:
    approver = Asked(meanwhile=store.directory.unassign(UserAssignment(MAIN, GROUP.id, ANNE.id)))
    asked = StoreBroker(store, Standing(store), Records(store), approver=approver)

    assert await refusal(asked.place(ADMISSION, ATTEMPT)) is Reason.RESOURCE_NOT_ASSIGNED


async def test_sleeping_host_is_woken_where_the_pool_can(store: FailingStore) -> None:
    await set_pool(store, start_on_connect=StartOnConnect(WakeMethod.COMMAND, "wake"))
    waker = Woken(links := Standing(store, False))
    asked = StoreBroker(store, links, Records(store), waker=waker)

    placed = await asked.place(ADMISSION, ATTEMPT)

    assert placed.host_id == HOST.id
    assert waker.woken == [(POOL, HOST.id)]


@pytest.mark.parametrize("user", [USER, "somebody"])
async def test_host_that_fell_asleep_full_is_woken(store: FailingStore, user: str) -> None:
    hook = StartOnConnect(WakeMethod.COMMAND, "wake")
    await set_pool(store, session_limit=1, start_on_connect=hook)
    await store.directory.save_sessions(MAIN, HOST.id, [session(HOST.id, user)])
    listed = store.directory.save_sessions(MAIN, HOST.id, [])
    waker = Woken(links := Standing(store, False), meanwhile=listed)
    asked = StoreBroker(store, links, Records(store), waker=waker)

    assert (await asked.place(ADMISSION, ATTEMPT)).because is Because.BREADTH_FIRST
    assert waker.woken == [(POOL, HOST.id)]


async def test_limit_of_a_host_that_sleeps_holds_for_those_who_wait_for_it(store: FailingStore) -> None:
    hook = StartOnConnect(WakeMethod.COMMAND, "wake")
    await set_pool(store, session_limit=1, start_on_connect=hook)
    other, now, others = await add_user(store, "ben"), [0.0], list[Reason]()
    links = Standing(store, False)
    links.in_flight = InFlight(lambda: now[0])

    async def others_come() -> None:
        now[0] += 10 * LIFE_S
        others.append(await refusal(asked.place(other, attempt(2))))

    asked = StoreBroker(store, links, Records(store), waker=Woken(links, others_come()))
    await asked.place(ADMISSION, ATTEMPT)
    now[0] += LIFE_S / 2
    others.append(await refusal(asked.place(other, attempt(3))))

    assert others == [Reason.HOST_OFFLINE, Reason.HOSTS_FULL]


async def test_assignment_that_is_taken_back_while_a_host_wakes_counts(store: FailingStore) -> None:
    await set_pool(store, start_on_connect=StartOnConnect(WakeMethod.COMMAND, "wake"))
    taken_back = store.directory.unassign(UserAssignment(MAIN, GROUP.id, ANNE.id))
    links = Standing(store, False)
    asked = StoreBroker(store, links, Records(store), waker=Woken(links, taken_back))

    assert await refusal(asked.place(ADMISSION, ATTEMPT)) is Reason.RESOURCE_NOT_ASSIGNED


async def test_user_is_placed_on_the_host_that_woke_for_them(store: FailingStore) -> None:
    await set_pool(store, start_on_connect=StartOnConnect(WakeMethod.COMMAND, "wake"))
    second = await add_host(store, "h2")
    links = Standing(store, False)
    waker = Woken(links)
    asked = StoreBroker(store, links, Records(store), waker=waker, draw=iter([0.9, 0.0]).__next__)

    assert (await asked.place(ADMISSION, ATTEMPT)).host_id == second
    assert waker.woken == [(POOL, second)]


async def test_host_whose_link_is_up_before_it_is_ready_is_waited_for(store: FailingStore) -> None:
    await set_pool(store, start_on_connect=StartOnConnect(WakeMethod.COMMAND, "wake"))
    waker = Woken(links := Standing(store))
    waker.waking.add(HOST.id)
    asked = StoreBroker(store, links, Records(store), waker=waker)

    assert (await asked.place(ADMISSION, ATTEMPT)).host_id == HOST.id
    assert waker.woken == [(POOL, HOST.id)]


async def test_host_that_goes_again_after_it_was_woken_is_not_woken_twice(store: FailingStore) -> None:
    await set_pool(store, start_on_connect=StartOnConnect(WakeMethod.COMMAND, "wake"))
    waker = Woken(Standing(store))
    asked = StoreBroker(store, Standing(store, False), Records(store), waker=waker)

    assert await refusal(asked.place(ADMISSION, ATTEMPT)) is Reason.HOST_OFFLINE
    assert waker.woken == [(POOL, HOST.id)]


async def test_sleeping_host_that_nothing_wakes_is_offline(store: FailingStore) -> None:
    await set_pool(store, start_on_connect=StartOnConnect(WakeMethod.COMMAND, "wake"))

    assert await refusal(broker(store, up=False).place(ADMISSION, ATTEMPT)) is Reason.HOST_OFFLINE


# Orders and reports.


async def test_order_goes_to_the_links(store: FailingStore) -> None:
    links = Standing(store)
    order = DialOrder(ConnectionId("c1"), HOST.id, "gw:443", "ab" * 32, Secret("t"), RESOURCE.target, USER)

    await StoreBroker(store, links, Records(store)).dial(order)

    assert links.orders == [order]


async def test_reports_are_queued_even_while_the_store_is_away(store: FailingStore) -> None:
    store.away = AWAY
    records = Records(store)
    asked = StoreBroker(store, Standing(store), records)

    await asked.opened(RECORD)
    await asked.ended(replace(RECORD, ended_at=NOW, reason=Reason.CLIENT_ENDED))

    assert len(records) == 1

"""The contract of `Store`: one suite that every implementation passes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialback.domain.access import RELAY_ENDS, ConnectionToken, TokenKind, TokenUse
from dialback.domain.contracts import Store, StoreUnavailable
from dialback.domain.directory import CursorInvalid, cursor_of
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host, HostReport, JoinCode, RdpServer
from dialback.domain.ids import (
    ConnectionId,
    HostId,
    PoolId,
    ResourceName,
    TenantId,
    TokenHash,
    UserId,
    UserName,
)
from dialback.domain.management import ManagementOffer
from dialback.domain.pools import HostPool, PoolHost
from dialback.domain.records import EVERY_RECORD, RecordFilter
from dialback.domain.sessions import Because, ConnectionRecord, Stage, Totals
from dialback.domain.tenancy import MAIN, Tenant
from tests.contracts.openers import OPENERS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACME = TenantId("acme")
ENDINGS = (Reason.CLIENT_ENDED, Reason.HOSTS_FULL)
CODE = JoinCode(TokenHash("c0" * 32), "office", NOW + timedelta(hours=1))
HOST = Host(HostId("h1"), "the agent's own name", b"k" * 32, NOW)
REPORT = HostReport(
    "WIN-7",
    "Windows 11 <script>",
    "0.1.0",
    (
        RdpServer(
            "127.0.0.1:3389",
            True,
            "hybrid",
            "TLSv1.3",
            "ab" * 32,
            signed_at="2026-03-01T12:00:00Z",
            signature="s" * 86,
        ),
        RdpServer("[::1]:3389", False, problem="connection refused"),
    ),
    ManagementOffer(1, 2, ("restart-rdp",)),
)
TOKEN = ConnectionToken(
    TokenHash("ab" * 32),
    MAIN,
    UserId("u1"),
    UserName("Änne"),
    ResourceName("office-pc"),
    NOW,
    NOW + timedelta(minutes=10),
)
RECORD = ConnectionRecord(
    ConnectionId("c1"), NOW, "websocket", "192.0.2.7", tenant=MAIN, token_hash=TOKEN.hash
)
FULL = replace(
    RECORD,
    client_name="ANNE-PC",
    user=TOKEN.user,
    resource=TOKEN.resource,
    host_id=HOST.id,
    because=Because.DEPTH_FIRST,
    ended_at=NOW + SECOND,
    reason=Reason.HOST_ENDED,
    detail="log-off",
    totals=Totals(2**40, 7),
    timeline={Stage.TLS: 1.5, Stage.FIRST_BYTE: 0.25},
)


@pytest.fixture(params=OPENERS)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Return a new, empty store of each kind in turn."""
    opened, _ = await OPENERS[request.param](request)
    yield opened
    if close := getattr(opened, "close", None):
        await close()


async def enrol(store: Store, name: str, host_id: str) -> Host:
    """Enrol a host by a code of its own."""
    code = JoinCode(TokenHash(f"code of {host_id}"), name, NOW + SECOND)
    await store.save_join_code(code)
    return await store.enrol_host(code.hash, replace(HOST, id=HostId(host_id)), NOW)


async def refusal(attempt: Awaitable[object]) -> Reason | None:
    """Return the reason for which the attempt is refused, None if it is not."""
    try:
        await attempt
    except Refused as refused:
        return refused.reason
    return None


def ended(record: ConnectionRecord, after_s: float, reason: Reason) -> ConnectionRecord:
    """Return the record as it is after its end, so many seconds after NOW."""
    return replace(record, ended_at=NOW + timedelta(seconds=after_s), reason=reason)


# Enrolment.


async def test_enrolled_host_gets_the_name_of_its_code(store: Store) -> None:
    await store.save_join_code(CODE)
    enrolled = await store.enrol_host(CODE.hash, HOST, NOW)
    assert enrolled == replace(HOST, name="office")
    assert await store.any_host(HOST.id) == enrolled


async def test_enrolled_host_belongs_to_the_tenant_of_its_code(store: Store) -> None:
    await store.directory.save_tenant(Tenant(ACME, "Acme"))
    await store.save_join_code(replace(CODE, tenant=ACME))
    enrolled = await store.enrol_host(CODE.hash, HOST, NOW)
    assert enrolled.tenant == "acme"
    assert await store.any_host(HOST.id) == enrolled
    assert await store.directory.pool_host(ACME, HOST.id) == PoolHost(ACME, PoolId(HOST.id), HOST.id)
    assert await store.directory.pool_host(MAIN, HOST.id) is None


async def test_enrolled_host_has_a_pool_of_its_own(store: Store) -> None:
    host = await enrol(store, "office", "h1")
    pool = await store.directory.get(HostPool, MAIN, host.id)
    assert pool == HostPool(MAIN, PoolId("h1"), "office")
    assert pool.version == 1
    assert await store.directory.pool_hosts(MAIN, pool.id) == [PoolHost(MAIN, pool.id, host.id)]


async def test_hosts_of_one_name_have_pools_of_two(store: Store) -> None:
    for host_id in ("h1", "h2"):
        await enrol(store, "Office" if host_id == "h1" else "OFFICE", host_id)
    pools = (await store.directory.page(HostPool, MAIN)).items
    assert [(pool.id, pool.name) for pool in pools] == [("h1", "Office"), ("h2", "OFFICE h2")]


async def test_enrolled_host_joins_the_pool_of_its_code(store: Store) -> None:
    shared = await store.directory.save(HostPool(MAIN, PoolId("shared"), "Shared"))
    for host_id in ("h1", "h2"):
        code = replace(CODE, hash=TokenHash(f"code of {host_id}"), pool=shared.id)
        await store.save_join_code(code)
        await store.enrol_host(code.hash, replace(HOST, id=HostId(host_id)), NOW)
    assert [each.host for each in await store.directory.pool_hosts(MAIN, shared.id)] == ["h1", "h2"]
    assert (await store.directory.page(HostPool, MAIN)).items == (shared,)


@pytest.mark.parametrize("pool", ["gone", "of-acme"])
async def test_code_for_a_pool_that_is_gone_or_of_another_tenant_stays_unused(
    store: Store, pool: str
) -> None:
    await store.directory.save_tenant(Tenant(ACME, "Acme"))
    await store.directory.save(HostPool(ACME, PoolId("of-acme"), "Acme"))
    await store.save_join_code(replace(CODE, pool=PoolId(pool)))
    assert await refusal(store.enrol_host(CODE.hash, HOST, NOW)) is Reason.JOIN_CODE_POOL_GONE
    assert await store.all_hosts() == []
    await store.directory.save(HostPool(MAIN, PoolId(pool), "Back again"))
    assert await refusal(store.enrol_host(CODE.hash, HOST, NOW)) is None


async def test_unknown_code_enrols_nobody(store: Store) -> None:
    assert await refusal(store.enrol_host(CODE.hash, HOST, NOW)) is Reason.JOIN_CODE_UNKNOWN
    assert await store.all_hosts() == []


async def test_used_code_enrols_nobody_else(store: Store) -> None:
    await store.save_join_code(CODE)
    await store.enrol_host(CODE.hash, HOST, NOW)
    second = replace(HOST, id=HostId("h2"))
    assert await refusal(store.enrol_host(CODE.hash, second, NOW)) is Reason.JOIN_CODE_USED
    assert await store.any_host(second.id) is None


async def test_used_code_is_called_used_even_after_it_expired(store: Store) -> None:
    await store.save_join_code(CODE)
    await store.enrol_host(CODE.hash, HOST, NOW)
    late = store.enrol_host(CODE.hash, replace(HOST, id=HostId("h2")), CODE.expires_at)
    assert await refusal(late) is Reason.JOIN_CODE_USED


async def test_code_works_until_the_instant_it_expires(store: Store) -> None:
    await store.save_join_code(CODE)
    assert await refusal(store.enrol_host(CODE.hash, HOST, CODE.expires_at)) is Reason.JOIN_CODE_EXPIRED
    assert await store.any_host(HOST.id) is None
    assert await refusal(store.enrol_host(CODE.hash, HOST, CODE.expires_at - SECOND)) is None


async def test_of_many_enrolments_with_one_code_exactly_one_wins(store: Store) -> None:
    await store.save_join_code(CODE)
    attempts = [store.enrol_host(CODE.hash, replace(HOST, id=HostId(f"h{i}")), NOW) for i in range(8)]
    reasons = await asyncio.gather(*(refusal(attempt) for attempt in attempts))
    assert reasons.count(None) == 1
    assert reasons.count(Reason.JOIN_CODE_USED) == 7
    assert len(await store.all_hosts()) == 1


async def test_enrolment_that_cannot_keep_the_host_leaves_the_code_unused(store: Store) -> None:
    await enrol(store, "first", "h1")
    await store.save_join_code(CODE)
    with pytest.raises(StoreUnavailable, match="already"):
        await store.enrol_host(CODE.hash, HOST, NOW)
    assert await refusal(store.enrol_host(CODE.hash, replace(HOST, id=HostId("h2")), NOW)) is None


async def test_code_and_token_are_not_overwritten(store: Store) -> None:
    await store.save_join_code(CODE)
    await store.save_token(TOKEN)
    with pytest.raises(StoreUnavailable, match="already"):
        await store.save_join_code(replace(CODE, host_name="other"))
    with pytest.raises(StoreUnavailable, match="already"):
        await store.save_token(replace(TOKEN, user=UserName("eve")))
    assert (await store.token(TOKEN.hash))[0] == TOKEN


# Hosts.


async def test_unknown_host_is_none(store: Store) -> None:
    assert await store.any_host(HOST.id) is None
    assert await store.all_hosts() == []


async def test_hosts_are_listed_by_name(store: Store) -> None:
    for name, host_id in [("b", "1"), ("B", "2"), ("a", "3"), ("ä", "4"), ("b", "0")]:
        await enrol(store, name, host_id)
    assert [(host.name, host.id) for host in await store.all_hosts()] == [
        ("B", "2"),
        ("a", "3"),
        ("b", "0"),
        ("b", "1"),
        ("ä", "4"),
    ]


async def test_revoked_host_is_still_known_and_keeps_the_first_instant(store: Store) -> None:
    host = await enrol(store, "office", "h1")
    assert await store.revoke_host(host.id, NOW) is True
    assert await store.revoke_host(host.id, NOW + SECOND) is True
    assert await store.any_host(host.id) == replace(host, revoked_at=NOW)
    assert await store.all_hosts() == [replace(host, revoked_at=NOW)]


async def test_revoking_an_unknown_host_says_so(store: Store) -> None:
    assert await store.revoke_host(HOST.id, NOW) is False


async def test_link_goes_up_and_down(store: Store) -> None:
    host = await enrol(store, "office", "h1")
    await store.set_link(host.id, True, NOW)
    assert await store.any_host(host.id) == replace(host, link_up=True, link_changed_at=NOW)
    await store.set_link(host.id, False, NOW + SECOND)
    assert await store.any_host(host.id) == replace(host, link_up=False, link_changed_at=NOW + SECOND)


async def test_all_links_down_touches_only_links_that_were_up(store: Store) -> None:
    up, down, never = [await enrol(store, name, name) for name in ("up", "down", "never")]
    await store.set_link(up.id, True, NOW)
    await store.set_link(down.id, False, NOW)
    await store.all_links_down(NOW + SECOND)
    assert await store.any_host(up.id) == replace(up, link_changed_at=NOW + SECOND)
    assert await store.any_host(down.id) == replace(down, link_changed_at=NOW)
    assert await store.any_host(never.id) == never


async def test_newest_report_is_kept(store: Store) -> None:
    host = await enrol(store, "office", "h1")
    await store.save_report(host.id, HostReport("old", "", ""), NOW)
    await store.save_report(host.id, REPORT, NOW + SECOND)
    assert await store.any_host(host.id) == replace(host, report=REPORT, reported_at=NOW + SECOND)


async def test_news_of_an_unknown_host_is_nothing(store: Store) -> None:
    await store.set_link(HOST.id, True, NOW)
    await store.save_report(HOST.id, REPORT, NOW)
    assert await store.all_hosts() == []


# Tokens and what is known of their use.


async def test_token_is_found_by_its_hash(store: Store) -> None:
    await store.save_token(TOKEN)
    assert await store.token(TOKEN.hash) == (TOKEN, TokenUse())
    assert await store.token(TokenHash("00" * 32)) == (None, TokenUse())


async def test_revoked_token_keeps_the_first_instant(store: Store) -> None:
    await store.save_token(TOKEN)
    assert await store.revoke_token(TOKEN.hash, NOW) is True
    assert await store.revoke_token(TOKEN.hash, NOW + SECOND) is True
    assert (await store.token(TOKEN.hash))[0] == replace(TOKEN, revoked_at=NOW)


async def test_revoking_an_unknown_token_says_so(store: Store) -> None:
    assert await store.revoke_token(TOKEN.hash, NOW) is False


async def test_ticket_is_kept_as_one(store: Store) -> None:
    ticket = replace(TOKEN, kind=TokenKind.TICKET)
    await store.save_token(ticket)
    assert (await store.token(TOKEN.hash))[0] == ticket


async def test_tokens_of_a_user_are_found_and_revoked_together(store: Store) -> None:
    later = replace(TOKEN, hash=TokenHash("b"), issued_at=NOW + SECOND, revoked_at=NOW)
    latest = replace(TOKEN, hash=TokenHash("c"), issued_at=NOW + 2 * SECOND, resource=ResourceName("lab"))
    others = [
        replace(TOKEN, hash=TokenHash("d"), tenant=ACME),
        replace(TOKEN, hash=TokenHash("e"), user_id=UserId("u2")),
    ]
    for token in (TOKEN, latest, later, *others):
        await store.save_token(token)
    assert await store.tokens_of(MAIN, TOKEN.user_id) == [latest, later, TOKEN]
    assert await store.revoke_tokens_of(MAIN, TOKEN.user_id, NOW + SECOND) == 2
    assert await store.revoke_tokens_of(MAIN, TOKEN.user_id, NOW + SECOND) == 0
    revoked = [token.revoked_at for token in await store.tokens_of(MAIN, TOKEN.user_id)]
    assert revoked == [NOW + SECOND, NOW, NOW + SECOND]
    for token in others:
        assert await store.tokens_of(token.tenant, token.user_id) == [token]


async def test_pruning_forgets_expired_tokens_that_nothing_is_open_by(store: Store) -> None:
    young = replace(TOKEN, hash=TokenHash("young"), expires_at=TOKEN.expires_at + SECOND)
    used = replace(TOKEN, hash=TokenHash("used"))
    for token in (TOKEN, young, used):
        await store.save_token(token)
    await store.save_connection(replace(RECORD, token_hash=used.hash))
    assert await store.prune_tokens(young.expires_at) == 1
    assert (await store.token(TOKEN.hash))[0] is None
    assert {token.hash for token in await store.tokens_of(MAIN, TOKEN.user_id)} == {"young", "used"}
    await store.save_connection(ended(replace(RECORD, token_hash=used.hash), 5, Reason.CLIENT_ENDED))
    assert await store.prune_tokens(young.expires_at) == 1


async def test_use_is_live_while_a_connection_is_open(store: Store) -> None:
    await store.save_connection(RECORD)
    assert (await store.token(TOKEN.hash))[1] == TokenUse(live=True)
    await store.save_connection(ended(RECORD, 5, Reason.CLIENT_LOST))
    use = TokenUse(False, NOW + 5 * SECOND)
    assert (await store.token(TOKEN.hash))[1] == use


async def test_use_is_that_of_the_connections_of_this_token_alone(store: Store) -> None:
    await store.save_connection(replace(RECORD, token_hash=TokenHash("00" * 32)))
    await store.save_connection(replace(RECORD, id=ConnectionId("c2"), token_hash=None))
    assert (await store.token(TOKEN.hash))[1] == TokenUse()


@pytest.mark.parametrize("newer_first", [True, False])
async def test_newest_end_counts_in_whichever_order_it_is_reported(store: Store, newer_first: bool) -> None:
    older = ended(RECORD, 5, Reason.CLIENT_LOST)
    newer = ended(replace(RECORD, id=ConnectionId("c2")), 6, Reason.CLIENT_ENDED)
    for record in (newer, older) if newer_first else (older, newer):
        await store.save_connection(record)
    assert (await store.token(TOKEN.hash))[1] == TokenUse(False, NOW + 6 * SECOND)


@pytest.mark.parametrize("reason", sorted(set(Reason) - RELAY_ENDS))
async def test_attempt_that_opened_nothing_does_not_use_up_the_grace(store: Store, reason: Reason) -> None:
    await store.save_connection(ended(RECORD, 5, Reason.HOST_LOST))
    await store.save_connection(ended(replace(RECORD, id=ConnectionId("c2")), 9, reason))
    assert (await store.token(TOKEN.hash))[1] == TokenUse(False, NOW + 5 * SECOND)


# Records of connections.


@pytest.mark.parametrize("record", [RECORD, FULL], ids=["open", "ended"])
async def test_record_is_kept_whole(store: Store, record: ConnectionRecord) -> None:
    await store.save_connection(record)
    assert await store.connection(MAIN, record.id) == record
    assert await store.connections(MAIN) == [record]


async def test_record_takes_the_place_of_an_older_one_of_its_id(store: Store) -> None:
    await store.save_connection(RECORD)
    await store.save_connection(FULL)
    assert await store.connections(MAIN) == [FULL]


async def test_reports_of_one_connection_at_once_leave_one_record(store: Store) -> None:
    await asyncio.gather(*(store.save_connection(record) for record in [RECORD, FULL] * 4))
    assert len(await store.connections(MAIN)) == 1


async def test_kept_timeline_does_not_change_with_the_callers(store: Store) -> None:
    timeline = {Stage.TLS: 1.0}
    await store.save_connection(replace(RECORD, timeline=timeline))
    timeline[Stage.END] = 2.0
    kept = await store.connection(MAIN, RECORD.id)
    assert kept is not None
    assert kept.timeline == {Stage.TLS: 1.0}


async def test_unknown_connection_is_none(store: Store) -> None:
    assert await store.connection(MAIN, RECORD.id) is None
    assert await store.connections(MAIN) == []


async def test_newest_connections_come_first_up_to_the_limit(store: Store) -> None:
    for number in (2, 0, 3, 1):
        record = replace(RECORD, id=ConnectionId(f"c{number}"), opened_at=NOW + number * SECOND)
        await store.save_connection(record)
    assert [record.id for record in await store.connections(MAIN)] == ["c3", "c2", "c1", "c0"]
    assert [record.id for record in await store.connections(MAIN, limit=2)] == ["c3", "c2"]
    assert await store.connections(MAIN, limit=0) == []
    assert await store.connections(MAIN, limit=-1) == []


async def test_hosts_of_a_tenant_are_not_found_through_another(store: Store) -> None:
    await store.directory.save_tenant(Tenant(ACME, "Acme"))
    ours = await enrol(store, "office", "h1")
    code = replace(CODE, hash=TokenHash("c9" * 32), tenant=ACME)
    await store.save_join_code(code)
    theirs = await store.enrol_host(code.hash, replace(HOST, id=HostId("h9")), NOW)
    await store.revoke_host(theirs.id, NOW)
    theirs = replace(theirs, revoked_at=NOW)
    by_tenant = {MAIN: ours, ACME: theirs}
    for tenant, host in by_tenant.items():
        assert await store.hosts(tenant) == [host]
        for other in by_tenant.values():
            assert await store.host(tenant, other.id) == (host if other is host else None)
    assert await store.hosts_of([ACME, MAIN, TenantId("none")]) == await store.all_hosts() == [ours, theirs]
    for tenant, host in by_tenant.items():
        names = await store.host_names(tenant, {ours.id, theirs.id, HostId("none"), HostId("\0")})
        assert names == {host.id: host.name}
    assert await store.host_names(MAIN, set()) == {}
    assert await store.hosts_of([]) == await store.hosts(TenantId("none")) == []


async def test_connections_of_a_tenant_are_not_found_through_another(store: Store) -> None:
    theirs = replace(RECORD, id=ConnectionId("c2"), tenant=ACME)
    nobodys = replace(RECORD, id=ConnectionId("c3"), tenant=None)
    by_tenant = {MAIN: RECORD, ACME: theirs, None: nobodys}
    for record in by_tenant.values():
        await store.save_connection(record)
    for tenant, record in by_tenant.items():
        assert await store.connections(tenant) == [record]
        for other in by_tenant.values():
            assert await store.connection(tenant, other.id) == (other if other is record else None)


async def test_connections_of_a_user_are_theirs_alone(store: Store) -> None:
    for number, user in enumerate(["anna", "ben", "anna", None]):
        name = None if user is None else UserName(user)
        record = replace(RECORD, id=ConnectionId(f"c{number}"), user=name, opened_at=NOW + number * SECOND)
        await store.save_connection(record)
    await store.save_connection(replace(RECORD, id=ConnectionId("c9"), user=UserName("anna"), tenant=ACME))
    found = await store.connections(MAIN, user=UserName("anna"))
    assert [record.id for record in found] == ["c2", "c0"]
    assert [record.id for record in await store.connections(MAIN, 1, UserName("anna"))] == ["c2"]
    assert await store.connections(MAIN, user=UserName("eve")) == []


async def all_pages(store: Store, wanted: RecordFilter, limit: int) -> list[str]:
    """Return the ids of the records that are wanted, read page by page."""
    page = await store.connection_page(MAIN, wanted, limit=limit)
    found = list(page.items)
    while page.after:
        assert len(page.items) == limit
        page = await store.connection_page(MAIN, wanted, page.after, limit)
        found += page.items
    return [record.id for record in found]


async def save_numbered(store: Store) -> None:
    """Keep ten records of MAIN, two of each instant, that differ in all that can be asked for."""
    for number in range(10):
        record = replace(
            RECORD,
            id=ConnectionId(f"c{number}"),
            opened_at=NOW + (number // 2) * SECOND,
            user=UserName("anna" if number % 2 else "ben"),
            resource=ResourceName("office" if number < 5 else "writer"),
            host_id=HostId("h1" if number % 3 else "h2"),
        )
        await store.save_connection(
            record if number > 7 else ended(record, 100 - number, ENDINGS[number % 2])
        )
        theirs = replace(record, id=ConnectionId(f"a{number}"), tenant=ACME)
        await store.save_connection(theirs)


@pytest.mark.parametrize("limit", [1, 3, 5, 10, 100])
async def test_pages_of_connections_give_each_once_and_newest_first(store: Store, limit: int) -> None:
    await save_numbered(store)
    assert await all_pages(store, EVERY_RECORD, limit) == [f"c{number}" for number in range(9, -1, -1)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (RecordFilter(frozenset({UserName("anna")})), [9, 7, 5, 3, 1]),
        (RecordFilter(frozenset({UserName("anna"), UserName("ben")}), is_open=True), [9, 8]),
        (RecordFilter(reason=ENDINGS[0]), [6, 4, 2, 0]),
        (RecordFilter(resource=ResourceName("office")), [4, 3, 2, 1, 0]),
        (RecordFilter(host=HostId("h2")), [9, 6, 3, 0]),
        (RecordFilter(frozenset({UserName("ben")}), host=HostId("h2"), reason=ENDINGS[0]), [6, 0]),
        (RecordFilter(reason=Reason.AGENT_SILENT), []),
        (RecordFilter(reason=ENDINGS[0], is_open=True), []),
    ],
    ids=["user", "users-open", "reason", "resource", "host", "user-host-reason", "no-reason", "open-reason"],
)
async def test_connections_are_found_by_all_that_is_asked_for(
    store: Store, wanted: RecordFilter, numbers: list[int]
) -> None:
    await save_numbered(store)
    for limit in (2, 100):
        assert await all_pages(store, wanted, limit) == [f"c{number}" for number in numbers]


async def test_connection_that_comes_or_goes_between_pages_moves_no_other(store: Store) -> None:
    await save_numbered(store)
    page = await store.connection_page(MAIN, limit=3)
    await store.save_connection(replace(RECORD, id=ConnectionId("new"), opened_at=NOW + 60 * SECOND))
    # The last of the page, which the cursor names, is forgotten.
    assert await store.prune_connections(NOW + 94 * SECOND) == 1
    rest = await store.connection_page(MAIN, EVERY_RECORD, page.after)
    assert [record.id for record in rest.items] == [f"c{number}" for number in range(6, -1, -1)]


@pytest.mark.parametrize(
    "cursor", ["x", "é", "====", cursor_of("now\nc1"), cursor_of("0001-01-01T00:00+14:00\nc1")]
)
async def test_cursor_that_no_page_said_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await store.connection_page(MAIN, after=cursor)
    with pytest.raises(CursorInvalid):
        await store.cursor_before(MAIN, EVERY_RECORD, cursor)


@pytest.mark.parametrize("wanted", [EVERY_RECORD, RecordFilter(frozenset({UserName("anna")}))])
@pytest.mark.parametrize("limit", [1, 3, 4])
async def test_way_back_leads_over_the_same_pages(store: Store, wanted: RecordFilter, limit: int) -> None:
    await save_numbered(store)
    begun, after = list[str](), ""
    while after := (await store.connection_page(MAIN, wanted, after, limit)).after:
        begun.append(after)
    for before, cursor in pairwise(["", *begun]):
        assert await store.cursor_before(MAIN, wanted, cursor, limit) == before


async def test_way_back_leads_to_the_first_page_if_newer_ones_were_forgotten(store: Store) -> None:
    await save_numbered(store)
    wanted = RecordFilter(reason=ENDINGS[0])
    first = await store.connection_page(MAIN, wanted, limit=1)
    second = await store.connection_page(MAIN, wanted, first.after, 1)
    assert await store.cursor_before(MAIN, wanted, second.after, 1) == first.after
    await store.prune_connections(NOW + 95 * SECOND)
    assert await store.cursor_before(MAIN, wanted, second.after, 1) == ""


async def test_closing_orphans_ends_open_records_alone(store: Store) -> None:
    await store.save_connection(RECORD)
    await store.save_connection(replace(FULL, id=ConnectionId("c2")))
    later = NOW + timedelta(hours=1)
    assert await store.close_open_connections(later) == 1
    assert await store.close_open_connections(later + SECOND) == 0
    assert await store.connection(MAIN, RECORD.id) == replace(
        RECORD, ended_at=later, reason=Reason.SERVER_STOPPED
    )
    assert await store.connection(MAIN, ConnectionId("c2")) == replace(FULL, id=ConnectionId("c2"))
    assert (await store.token(TOKEN.hash))[1] == TokenUse(False, later)


async def test_pruning_forgets_what_ended_before_the_instant(store: Store) -> None:
    await store.save_connection(RECORD)
    for number in (1, 2, 3):
        record = replace(RECORD, id=ConnectionId(f"e{number}"))
        await store.save_connection(ended(record, number, Reason.CLIENT_ENDED))
    assert await store.prune_connections(NOW + 2 * SECOND) == 1
    assert {record.id for record in await store.connections(MAIN)} == {"c1", "e2", "e3"}
    assert await store.prune_connections(NOW + timedelta(days=1)) == 2
    assert await store.connections(MAIN) == [RECORD]


async def test_instants_come_back_equal_and_aware(store: Store) -> None:
    east = NOW.astimezone(timezone(timedelta(hours=14)))
    await store.save_token(replace(TOKEN, issued_at=east))
    token, _ = await store.token(TOKEN.hash)
    assert token is not None
    assert token.issued_at == NOW
    assert token.issued_at.tzinfo is not None


async def test_order_of_instants_is_that_of_time_and_not_of_their_zones(store: Store) -> None:
    early = NOW.astimezone(timezone(timedelta(hours=14)))
    await store.save_connection(replace(RECORD, id=ConnectionId("early"), opened_at=early))
    await store.save_connection(replace(RECORD, id=ConnectionId("late"), opened_at=NOW + SECOND))
    assert [record.id for record in await store.connections(MAIN)] == ["late", "early"]


@pytest.mark.parametrize("text", ["\0", "\ud800", "'; DROP TABLE hosts; --", "\x1b[2J", "𝄞" * 1000, "%s :x"])
async def test_hostile_text_is_kept_and_breaks_nothing(store: Store, text: str) -> None:
    host = await enrol(store, "office", "h1")
    await store.save_report(host.id, replace(REPORT, host_name=f"a{text}z"), NOW)
    await store.save_connection(replace(RECORD, client_name=f"a{text}z", detail=text))
    kept_host, kept = await store.any_host(host.id), await store.connection(MAIN, RECORD.id)
    assert kept_host is not None
    assert kept_host.report is not None
    assert kept is not None
    for kept_text in (kept_host.report.host_name, kept.client_name):
        assert kept_text.strip("\ufffd")[0] + kept_text[-1] == "az"


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "x" * 100_000])
async def test_asking_for_any_text_finds_nothing_and_breaks_nothing(store: Store, text: str) -> None:
    assert await store.any_host(HostId(text)) is None
    assert await store.host(TenantId(text), HostId(text)) is None
    assert await store.hosts(TenantId(text)) == []
    assert await store.tokens_of(TenantId(text), UserId(text)) == []
    assert await store.connections(TenantId(text), user=UserName(text)) == []
    assert await store.token(TokenHash(text)) == (None, TokenUse())
    assert await store.connection(MAIN, ConnectionId(text)) is None
    assert await refusal(store.enrol_host(TokenHash(text), HOST, NOW)) is Reason.JOIN_CODE_UNKNOWN


async def test_check_names_the_revision(store: Store) -> None:
    assert await store.check()


# Properties.

PROPERTY = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
INSTANTS = st.datetimes(
    min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
COUNTS = st.integers(min_value=0, max_value=2**63 - 1)
RECORDS = st.builds(
    ConnectionRecord,
    id=st.just(RECORD.id),
    opened_at=INSTANTS,
    transport=st.sampled_from(["websocket", "http"]),
    client_address=TEXTS,
    client_name=TEXTS,
    tenant=st.just(MAIN),
    because=st.none() | st.sampled_from(Because),
    user=st.none() | TEXTS.map(UserName),
    resource=st.none() | TEXTS.map(ResourceName),
    host_id=st.none() | TEXTS.map(HostId),
    token_hash=st.none() | TEXTS.map(TokenHash),
    ended_at=st.none() | INSTANTS,
    reason=st.none() | st.sampled_from(Reason),
    detail=TEXTS,
    totals=st.builds(Totals, COUNTS, COUNTS),
    timeline=st.dictionaries(st.sampled_from(Stage), st.floats(0, 1e9)),
)
ENDS = st.lists(st.none() | st.tuples(st.integers(0, 5), st.sampled_from(Reason)), max_size=6)


@PROPERTY
@given(RECORDS)
async def test_any_record_is_kept_whole(store: Store, record: ConnectionRecord) -> None:
    await store.save_connection(record)
    assert await store.connection(MAIN, record.id) == record


@PROPERTY
@given(ENDS)
async def test_use_of_a_token_is_the_same_in_every_store(
    store: Store, ends: list[tuple[int, Reason] | None]
) -> None:
    await store.close_open_connections(NOW)
    await store.prune_connections(NOW + timedelta(days=1))
    for number, end in enumerate(ends):
        record = replace(RECORD, id=ConnectionId(f"c{number}"))
        await store.save_connection(record if end is None else ended(record, *end))
    worked = [after_s for after_s, reason in filter(None, ends) if reason in RELAY_ENDS]
    expected = TokenUse(live=None in ends)
    if worked:
        expected = TokenUse(None in ends, NOW + max(worked) * SECOND)
    assert (await store.token(TOKEN.hash))[1] == expected

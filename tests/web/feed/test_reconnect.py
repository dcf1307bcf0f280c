"""Reconnecting: whose sessions, on which hosts, and what is no question."""

from dataclasses import replace

import httpx
import pytest

from dialback.domain.catalog import PublishedResource, UserAssignment, Workspace
from dialback.domain.health import Check
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import (
    HostId,
    PoolId,
    ResourceId,
    ResourceName,
    SessionId,
    TenantId,
    TokenHash,
    UserName,
    WorkspaceId,
)
from dialback.domain.pools import PoolHost
from dialback.domain.sessions import Session, SessionState
from dialback.identity.tokens import hash_token
from dialback.web.feed.addresses import publisher_id
from dialback.wire.feed.reconnect import (
    ACTION,
    MAX_REQUEST_BYTES,
    ReconnectFile,
    SessionType,
    build_request,
    parse_response,
)
from tests.web.feed.nouns import ANNA, APP_POOL, DESKTOPS, HIDDEN, MAIN, NOW, POOL, THEIRS
from tests.web.feed.stage import RADC, Feed, Subscriber, ticket_in

PATH = "/RDWeb/Feed/RDWebService.asmx"


async def enrol(feed: Feed, host: str, pool: PoolId, tenant: TenantId = MAIN) -> HostId:
    """Put a new host, whose link is up, into the pool."""
    code = JoinCode(TokenHash(hash_token(host)), host, NOW.replace(year=2030), tenant=tenant)
    await feed.store.save_join_code(code)
    await feed.store.enrol_host(code.hash, Host(HostId(host), host, b"k" * 32, NOW), NOW)
    await feed.store.set_link(HostId(host), True, NOW)
    await feed.directory.save_pool_host(PoolHost(tenant, pool, HostId(host)))
    return HostId(host)


async def report(
    feed: Feed,
    host: HostId,
    *states: SessionState,
    user: str = "anna",
    tenant: TenantId = MAIN,
) -> None:
    """Report sessions of the user on the host."""
    sessions = [
        Session(tenant, host, SessionId(f"s{number}"), UserName(user), state, NOW)
        for number, state in enumerate(states)
    ]
    await feed.directory.save_sessions(tenant, host, sessions)


async def ask(
    client: Subscriber, body: bytes = build_request(), path: str = PATH, **headers: str
) -> httpx.Response:
    given = {"SOAPAction": f'"{ACTION}"', **headers}
    cookie = {"Cookie": f".ASPXAUTH={client.token}"} if client.token else {}
    return await client._http.post(
        path, content=body, headers={"User-Agent": client.agent, **cookie, **given}
    )


async def files(feed: Feed, user: object = ANNA, path: str = PATH) -> tuple[ReconnectFile, ...]:
    answer = await ask(await feed.subscribed(RADC, user), path=path)  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert answer.content.startswith(b"<?xml")
    return parse_response(answer.content)


async def test_user_without_sessions_gets_an_empty_list(feed: Feed) -> None:
    assert await files(feed) == ()


async def test_disconnected_session_is_offered_as_a_file_that_opens_its_pool(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.DISCONNECTED)

    (file,) = await files(feed)

    assert file.type is SessionType.DESKTOP
    assert file.text.startswith("full address:s:")
    assert "\r\n" in file.text
    token, _ = await feed.store.token(hash_token(ticket_in(file.text.encode())))
    assert token
    assert token.user_id == ANNA.id


async def test_session_in_a_pool_of_apps_is_offered_as_an_app(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", APP_POOL.id), SessionState.DISCONNECTED)
    (file,) = await files(feed)
    assert file.type is SessionType.APP
    assert "full address:s:editor" in file.text


async def test_feed_of_a_workspace_offers_what_is_in_it_under_its_own_id(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.DISCONNECTED)
    await feed.directory.save(Workspace(MAIN, WorkspaceId("w2"), "Second"))
    (everything,) = await files(feed)
    (first,) = await files(feed, path="/feed/w1/RDWebService.asmx")
    assert await files(feed, path="/feed/w2/RDWebService.asmx") == ()
    assert f"workspace id:s:{publisher_id('gw.example.org')}\r\n" in everything.text
    assert f"workspace id:s:{publisher_id('gw.example.org', 'w1')}\r\n" in first.text


async def test_active_session_is_not_offered(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.ACTIVE)
    assert await files(feed) == ()


async def test_session_of_a_host_whose_link_is_down_is_not_offered(feed: Feed) -> None:
    away, there = await enrol(feed, "h1", POOL.id), await enrol(feed, "h2", POOL.id)
    await report(feed, away, SessionState.DISCONNECTED)
    await feed.store.set_link(away, False, NOW)
    assert await files(feed) == ()
    await report(feed, there, SessionState.DISCONNECTED)
    assert len(await files(feed)) == 1


@pytest.mark.parametrize(("check", "offered"), [(Check.RDP, 0), (Check.DIAL_BACK, 0), (Check.DISK, 1)])
async def test_session_of_a_host_on_which_a_fatal_check_fails_is_not_offered(
    feed: Feed, check: Check, offered: int
) -> None:
    host = await enrol(feed, "h1", POOL.id)
    await report(feed, host, SessionState.DISCONNECTED)
    await feed.directory.save_health(MAIN, host, {check})
    assert len(await files(feed)) == offered


async def test_session_beside_an_active_one_to_which_the_file_would_lead_is_not_offered(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.DISCONNECTED)
    await report(feed, await enrol(feed, "h2", POOL.id), SessionState.ACTIVE)
    assert await files(feed) == ()


async def test_resource_that_is_shown_is_offered_before_one_that_is_not(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.DISCONNECTED)
    await feed.directory.save(replace(HIDDEN, id=ResourceId("r0"), name=ResourceName("a-hidden"), title="A"))
    (file,) = await files(feed)
    assert "full address:s:office\r\n" in file.text
    await feed.directory.remove(PublishedResource, MAIN, "r1")
    (file,) = await files(feed)
    assert "hidden\r\n" in file.text


async def test_ticket_in_the_file_is_recorded_with_the_address_that_asked(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.DISCONNECTED)
    await files(feed)
    (made,) = [entry for entry in feed.recorder.entries if entry.action == "ticket.make"]
    assert made.actor.address == "192.0.2.7"


async def test_two_sessions_in_one_pool_are_one_file_and_in_two_pools_two(feed: Feed) -> None:
    for host in ("h1", "h2"):
        await report(feed, await enrol(feed, host, POOL.id), SessionState.DISCONNECTED)
    assert len(await files(feed)) == 1
    await report(feed, await enrol(feed, "h3", APP_POOL.id), SessionState.DISCONNECTED)
    assert [file.type for file in await files(feed)] == [SessionType.DESKTOP, SessionType.APP]


async def test_session_of_somebody_else_is_not_offered(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.DISCONNECTED, user="ben")
    assert await files(feed) == ()


async def test_session_on_a_host_of_no_pool_of_the_users_is_not_offered(feed: Feed) -> None:
    await feed.directory.save(replace(POOL, id=PoolId("p9"), name="Elsewhere"))
    await report(feed, await enrol(feed, "h1", PoolId("p9")), SessionState.DISCONNECTED)
    assert await files(feed) == ()


async def test_assignment_that_was_taken_back_ends_the_offer(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.DISCONNECTED)
    await feed.directory.unassign(UserAssignment(MAIN, DESKTOPS.id, ANNA.id))
    assert await files(feed) == ()


async def test_namesake_in_another_tenant_is_offered_nothing(feed: Feed) -> None:
    await report(feed, await enrol(feed, "h1", POOL.id), SessionState.DISCONNECTED)
    assert await files(feed, THEIRS) == ()


async def test_question_without_a_token_is_sent_to_the_login(feed: Feed) -> None:
    assert (await ask(feed.client())).status_code == 302


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (build_request(), {"SOAPAction": "other"}),
        (build_request(), {"SOAPAction": ""}),
        (b"", {}),
        (b"<a/>", {}),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', {}),
        (bytes(MAX_REQUEST_BYTES + 1), {}),
    ],
)
async def test_what_is_no_question_is_refused(feed: Feed, body: bytes, headers: dict[str, str]) -> None:
    assert (await ask(await feed.subscribed(), body, **headers)).status_code == 400

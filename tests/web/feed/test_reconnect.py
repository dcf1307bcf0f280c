"""Reconnecting: whose sessions, on which hosts, and what is no question."""

from dataclasses import replace

import httpx
import pytest

from dialback.domain.catalog import UserAssignment, Workspace
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import HostId, PoolId, SessionId, TenantId, TokenHash, UserName, WorkspaceId
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
from tests.web.feed.nouns import ANNA, APP_POOL, DESKTOPS, MAIN, NOW, POOL, THEIRS
from tests.web.feed.stage import RADC, Feed, Subscriber, ticket_in

PATH = "/RDWeb/Feed/RDWebService.asmx"


async def enrol(feed: Feed, host: str, pool: PoolId, tenant: TenantId = MAIN) -> HostId:
    """Put a new host into the pool."""
    code = JoinCode(TokenHash(hash_token(host)), host, NOW.replace(year=2030), tenant=tenant)
    await feed.store.save_join_code(code)
    await feed.store.enrol_host(code.hash, Host(HostId(host), host, b"k" * 32, NOW), NOW)
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

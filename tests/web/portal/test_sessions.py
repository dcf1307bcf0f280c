"""My sessions and connections."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.errors import SENTENCES, Reason, Refused, sentence_for_user
from dialback.domain.ids import ConnectionId, HostId, SessionId, UserName
from dialback.domain.sessions import Session, SessionState
from dialback.domain.tenancy import MAIN
from dialback.web.portal.sessions import SHOWN
from tests.web.portal.stage import (
    ACME,
    HOST,
    NOW,
    STEERING,
    STEERING_SHOWN,
    PortalStage,
    field_of,
    links_of,
    text_of,
)


async def test_sessions_and_connections_are_shown_with_reasons(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).get("/sessions")
    text = text_of(answer)
    assert "blue-01 active" in text
    assert sentence_for_user(Reason.HOSTS_FULL) in text
    assert SENTENCES[Reason.CLIENT_ENDED] not in text
    assert "In use 1 h" in text
    assert "Office pool: of 3 hosts full 3" not in text


async def test_sessions_of_a_host_without_link_are_not_shown(portal: PortalStage) -> None:
    await portal.store.set_link(HOST, False, NOW)
    assert "You have no session on any host." in text_of(
        await (await portal.signed_in("anna")).get("/sessions")
    )


async def test_timeline_has_a_text_for_who_does_not_see_it(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).get("/sessions")
    assert "Timeline: TLS 14 ms, Request 1 ms, Handshake 23 ms" in answer.text
    assert "style=" not in answer.text


async def test_nothing_yet_says_what_to_do(portal: PortalStage) -> None:
    text = text_of(await (await portal.signed_in("hella")).get("/sessions"))
    assert "You have no session on any host." in text
    assert "Connect to a desktop" in text


@pytest.mark.parametrize(
    ("action", "said"), [("disconnect", "is disconnected"), ("log-off", "is logged off")]
)
async def test_own_session_is_ended(portal: PortalStage, action: str, said: str) -> None:
    anna = await portal.signed_in("anna")
    answer = await anna.post(f"/sessions/{HOST}/7", action=action)
    assert answer.status_code == 303
    assert portal.orders.given == [(MAIN, HOST, "7", action, "")]
    assert portal.recorded.actions == [f"session.{action}"]
    assert said in text_of(await anna.get(answer.headers["location"]))


@pytest.mark.parametrize(
    ("name", "path", "action"),
    [
        ("hella", f"/sessions/{HOST}/7", "disconnect"),
        ("anna", f"/sessions/{HOST}/8", "disconnect"),
        ("anna", "/sessions/acme-desk-1/7", "disconnect"),
        ("anna", "/sessions/none/7", "log-off"),
        ("anna", f"/sessions/{HOST}/7", "message"),
        ("anna", f"/sessions/{HOST}/7", ""),
    ],
)
async def test_what_is_not_mine_is_not_there(portal: PortalStage, name: str, path: str, action: str) -> None:
    answer = await (await portal.signed_in(name)).post(path, action=action)
    assert answer.status_code == 404
    assert portal.orders.given == []


async def test_namesake_of_another_tenant_ends_nothing_here(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna", ACME)
    assert (await anna.post(f"/sessions/{HOST}/7", action="log-off")).status_code == 404
    assert "blue-01" in (await anna.get("/sessions")).text
    assert "acme-blue-01" in (await anna.get("/sessions")).text


async def test_many_own_sessions_are_shown_page_by_page(portal: PortalStage) -> None:
    (session,) = await portal.directory.sessions(MAIN, HOST)
    listed = [
        replace(session, id=SessionId(f"{number:03}"), user=UserName(name))
        for number, name in enumerate(["anna", "CORP\\Anna", "ben"] * SHOWN)
    ]
    await portal.directory.save_sessions(MAIN, HOST, listed)
    anna = await portal.signed_in("anna")
    shown, path = list[str](), "/sessions"
    while path:
        answer = await anna.get(path)
        shown += re.findall(rf'action="/sessions/{HOST}/(\d+)"[^>]*data-confirm', answer.text)
        assert len(shown) % SHOWN == 0
        path = next((link for link in links_of(answer) if "after=" in link), "")
    assert shown == [each.id for each in listed if each.user != "ben"]
    assert "/sessions" in links_of(answer)
    assert "First page of sessions" in text_of(answer)


async def test_damaged_cursor_of_sessions_is_told_in_words(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).get("/sessions?after=%25")
    assert answer.status_code == 409
    assert "begin with the first page" in text_of(answer)


async def test_host_that_cannot_is_told_in_words(portal: PortalStage) -> None:
    for reason in (Reason.HOST_OFFLINE, Reason.SESSION_ORDER_FAILED):
        portal.orders.refusal = Refused(reason, "secret detail")
        answer = await (await portal.signed_in("anna")).post(f"/sessions/{HOST}/7", action="log-off")
        assert answer.status_code == 502
        assert sentence_for_user(reason) in text_of(answer)
        assert "secret detail" not in answer.text
    assert [(entry.action, entry.allowed) for entry in portal.recorded.entries] == [
        ("session.log-off", False),
        ("session.log-off", False),
    ]


@pytest.mark.parametrize("reason", [Reason.HOST_OFFLINE, Reason.POOL_EMPTY, Reason.HOSTS_DRAINED])
async def test_user_and_administrator_read_why_each_in_their_own_words(
    portal: PortalStage, reason: Reason
) -> None:
    record = await portal.store.connection(MAIN, ConnectionId("c-live"))
    assert record is not None
    await portal.store.save_connection(replace(record, reason=reason, ended_at=NOW))
    theirs = text_of(await (await portal.signed_in("anna")).get("/sessions"))
    assert sentence_for_user(reason) in theirs
    assert SENTENCES[reason] not in theirs
    hella = await portal.signed_in("hella")
    for path in ("/admin/connections", "/admin/connections/c-live"):
        shown = text_of(await hella.get(path))
        assert SENTENCES[reason].replace("`", "") in shown.replace("`", "")
        assert sentence_for_user(reason) not in shown


async def test_without_a_way_to_hosts_nothing_is_offered(portal: PortalStage) -> None:
    portal.without_orders()
    anna = await portal.signed_in("anna")
    assert "Log off" not in (await anna.get("/sessions")).text
    assert (await anna.post(f"/sessions/{HOST}/7", action="log-off")).status_code == 404


async def test_part_is_sent_again_only_when_something_changed(portal: PortalStage) -> None:
    anna = await portal.signed_in("anna")
    first = await anna.part("/sessions")
    assert "<html" not in first.text
    mark = first.text.partition("/sessions?seen=")[2][:16]
    assert (await anna.part(f"/sessions?seen={mark}")).status_code == 204
    await portal.directory.save_sessions(MAIN, HOST, [])
    assert (await anna.part(f"/sessions?seen={mark}")).status_code == 200


async def test_hostile_texts_of_hosts_and_clients_are_shown_as_what_they_are(portal: PortalStage) -> None:
    session = Session(
        MAIN, HOST, SessionId("9"), UserName("anna"), SessionState.DISCONNECTED, NOW - timedelta(hours=1)
    )
    await portal.directory.save_sessions(MAIN, HOST, [session])
    record = (await portal.store.connections(MAIN, 1, UserName("anna")))[0]
    await portal.store.save_connection(replace(record, client_name=STEERING, host_id=HostId("gone")))
    answer = await (await portal.signed_in("anna")).get("/sessions")
    assert "<script>alert" not in answer.text
    assert STEERING_SHOWN in text_of(answer)
    assert "Disconnect from" not in text_of(answer)
    assert field_of(answer, "action") == "log-off"


async def test_unknown_word_in_the_address_says_nothing(portal: PortalStage) -> None:
    answer = await (await portal.signed_in("anna")).get("/sessions?said=<b>hacked</b>")
    assert "hacked" not in answer.text

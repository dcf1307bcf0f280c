from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.accounts import Origin, Scope, SignInKind
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId, SessionId
from dialback.domain.tenancy import MAIN, User
from dialback.web.api.application import make_api
from dialback.web.api.guard import LOCAL_METHOD
from tests.web.api.stage import CONNECTION, HOST, ApiStage


async def test_sessions_are_everybodys_for_helpdesk_and_ones_own_for_users(api: ApiStage) -> None:
    async def seen(by: str, query: str = "") -> list[str]:
        return [each["user"] for each in (await api.good("GET", f"/sessions{query}", by))["items"]]

    assert await seen("main/hella") == ["uma", "hella"]
    assert await seen("main/uma") == ["uma"]
    assert await seen("main/hella", "?user=UMA") == ["uma"]
    assert await seen("main/hella", "?host=desk-1") == ["uma", "hella"]
    assert await seen("main/hella", "?host=acme-desk-1") == []
    assert await seen("main/hella", "?host=%00") == []
    assert await seen("main/hella", "?limit=1") == ["uma"]
    assert await seen("main/uma", "?user=uma@corp.example&host=desk-1") == ["uma"]
    assert await seen("main/uma", "?user=hella") == []


async def test_hosts_of_sessions_and_connections_are_named(api: ApiStage) -> None:
    (session, _) = (await api.good("GET", "/sessions"))["items"]
    (connection, _) = (await api.good("GET", "/connections"))["items"]
    one = await api.good("GET", f"/connections/{connection['id']}")
    assert {each["host_name"] for each in (session, connection, one)} == {"desk"}


async def test_every_session_is_reached_page_by_page(api: ApiStage) -> None:
    (first, _) = await api.directory.sessions(MAIN, HOST)
    many = [replace(first, id=SessionId(f"{number:03}")) for number in range(30)]
    await api.directory.save_sessions(MAIN, HOST, many)
    found, after = list[str](), ""
    while True:
        page = await api.good("GET", f"/sessions?user=CORP%5Cuma&limit=10&after={after}", "main/uma")
        found += [each["id"] for each in page["items"]]
        if not (after := page["after"]):
            break
    assert found == [each.id for each in many]
    assert await api.bad("GET", "/sessions?after=%25", "main/uma") == (422, "request-invalid")


async def test_orders_reach_the_host_and_the_audit_log(api: ApiStage) -> None:
    await api.good("POST", "/sessions/desk-1/2/message", "main/hella", json={"text": "Hello"})
    await api.good("POST", "/sessions/desk-1/2/disconnect", "main/hella")
    await api.good("POST", "/sessions/desk-1/1/log-off", "main/uma")

    assert api.orders.given == [
        ("main", "desk-1", "2", "message", "Hello"),
        ("main", "desk-1", "2", "disconnect", ""),
        ("main", "desk-1", "1", "log-off", ""),
    ]
    assert api.notes.actions == [
        ("session.message", "session:desk-1/2"),
        ("session.disconnect", "session:desk-1/2"),
        ("session.log-off", "session:desk-1/1"),
    ]


async def test_users_do_nothing_to_sessions_of_others(api: ApiStage) -> None:
    for id in ("2", "9"):
        assert await api.bad("POST", f"/sessions/desk-1/{id}/log-off", "main/uma") == (404, "not-there")
    assert api.orders.given == []


async def test_order_that_fails_is_told_and_noted_as_refused(api: ApiStage) -> None:
    api.orders.refusal = Refused(Reason.AGENT_SILENT)

    assert await api.bad("POST", "/sessions/desk-1/1/log-off") == (504, "agent-silent")
    (entry,) = api.notes.entries
    assert (entry.action, entry.subject, entry.allowed) == ("session.log-off", "session:desk-1/1", False)


async def test_message_that_could_steer_what_shows_it_is_refused(api: ApiStage) -> None:
    body = {"text": "a\0b"}

    assert (await api.bad("POST", "/sessions/desk-1/1/message", json=body))[0] == 422


async def test_server_without_orders_says_so(api: ApiStage) -> None:
    api.app = make_api(replace(api.api, orders=None))

    assert await api.bad("POST", "/sessions/desk-1/1/log-off") == (501, "not-available")


async def test_connections_are_filtered_and_paged_newest_first(api: ApiStage) -> None:
    known = await api.store.connection(MAIN, CONNECTION)
    assert known is not None
    later = replace(
        known,
        id=ConnectionId("c-later"),
        opened_at=api.now + timedelta(seconds=1),
        ended_at=api.now + timedelta(seconds=2),
        reason=Reason.CLIENT_ENDED,
    )
    await api.store.save_connection(later)

    async def seen(query: str, by: str = "main/hella") -> list[str]:
        return [each["id"] for each in (await api.good("GET", f"/connections{query}", by))["items"]]

    assert await seen("") == ["c-later", "c-uma", "c-hella"]
    assert await seen("?user=uma") == ["c-later", "c-uma"]
    assert await seen("?state=open") == ["c-uma", "c-hella"]
    assert await seen("?state=client-ended&resource=office&host=desk-1") == ["c-later"]
    assert await seen("?resource=other") == await seen("?user=a%00") == []
    assert await seen("", "main/uma") == ["c-later", "c-uma"]
    assert await seen("?user=uma", "main/uma") == ["c-later", "c-uma"]
    assert await seen("?user=hella", "main/uma") == []

    first = await api.good("GET", "/connections?limit=2")
    assert await seen(f"?after={first['after']}") == ["c-hella"]


async def test_every_connection_is_reached_page_by_page_however_many_there_are(api: ApiStage) -> None:
    known = await api.store.connection(MAIN, CONNECTION)
    assert known is not None
    for number in range(1200):
        opened_at = api.now - timedelta(seconds=number + 1)
        await api.store.save_connection(replace(known, id=ConnectionId(f"n{number}"), opened_at=opened_at))
    found, after = list[str](), ""
    while True:
        page = await api.good(
            "GET", f"/connections?user=uma&state=open&limit=500&after={after}", "main/hella"
        )
        found += [each["id"] for each in page["items"]]
        if not (after := page["after"]):
            break
    assert found == ["c-uma", *(f"n{number}" for number in range(1200))]


async def test_cursor_of_another_list_is_refused(api: ApiStage) -> None:
    assert await api.bad("GET", "/connections?after=bmFtZQ", "main/hella") == (422, "request-invalid")


async def test_connection_has_its_timeline_and_no_token(api: ApiStage) -> None:
    connection = await api.good("GET", "/connections/c-uma", "main/uma")

    assert connection["timeline_ms"] == {"tls": 1.5}
    assert connection["totals"] == {"to_client_bytes": 1, "to_host_bytes": 2}
    assert (connection["host"], connection["reason"]) == ("desk-1", None)
    assert "token" not in str(connection)
    assert await api.bad("GET", "/connections/c-hella", "main/uma") == (404, "not-there")


async def test_connection_is_cut_once_by_helpdesk(api: ApiStage) -> None:
    await api.good("POST", "/connections/c-uma/cut", "main/hella")

    assert api.cuts.details == ["by hella"]
    assert await api.bad("POST", "/connections/c-uma/cut", "main/hella") == (409, "already-ended")
    assert api.notes.actions == [("connection.cut", "connection:c-uma")]


async def test_approvals_are_ones_own_or_everybodys_for_helpdesk(api: ApiStage) -> None:
    async def seen(by: str, query: str = "") -> list[str]:
        return [each["id"] for each in (await api.good("GET", f"/approvals{query}", by))["items"]]

    assert await seen("main/uma") == ["a-uma"]
    assert await seen("main/uma", "?all=true") == ["a-uma"]
    assert await seen("main/hella") == ["a-hella"]
    assert await seen("main/hella", "?all=true") == ["a-hella", "a-uma"]
    first = await api.good("GET", "/approvals?all=true&limit=1", "main/hella")
    assert [each["id"] for each in first["items"]] == ["a-hella"]
    assert await seen("main/hella", f"?all=true&after={first['after']}") == ["a-uma"]
    assert await api.bad("GET", "/approvals?after=bmFtZQ", "main/uma") == (422, "request-invalid")


@pytest.mark.parametrize(("number", "decision"), [(42, "approved"), (43, "denied"), (None, "denied")])
async def test_right_number_approves_and_any_other_denies(
    api: ApiStage, number: int | None, decision: str
) -> None:
    (waiting,) = (await api.good("GET", "/approvals", "main/uma"))["items"]
    assert (waiting["user"], waiting["user_name"]) == ("uma", "uma")
    assert 42 in waiting["choices"]
    assert len(waiting["choices"]) == 3
    assert "number" not in waiting

    body = {"number": number}
    assert await api.good("POST", "/approvals/a-uma/approve", "main/uma", json=body) == {"decision": decision}
    assert await api.bad("POST", "/approvals/a-uma/deny", "main/uma") == (409, "already-decided")
    verb = "approve" if decision == "approved" else "deny"
    assert api.notes.actions == [(f"connection.{verb}", "connection:a-uma")]


async def test_approval_of_another_user_is_not_there(api: ApiStage) -> None:
    assert await api.bad("POST", "/approvals/a-hella/deny", "main/uma") == (404, "not-there")
    assert await api.good("POST", "/approvals/a-uma/deny", "main/hella") == {"decision": "denied"}


@pytest.mark.parametrize("by", ["hella", "adam", "olga"])
async def test_nobody_approves_for_another_user_whatever_their_role(api: ApiStage, by: str) -> None:
    answer = await api.bad("POST", "/approvals/a-uma/approve", f"main/{by}", json={"number": 42})
    assert answer == (403, "not-its-user")
    (entry,) = api.notes.entries
    assert (entry.action, entry.subject, entry.allowed) == ("connection.approve", "connection:a-uma", False)
    # Nothing was decided.
    body = {"number": 42}
    decided = await api.good("POST", "/approvals/a-uma/approve", "main/uma", json=body)
    assert decided == {"decision": "approved"}


async def test_whoever_has_the_data_folder_approves_for_everybody(api: ApiStage) -> None:
    olga = await api.directory.find(User, MAIN, "olga")
    assert olga is not None
    opened = await api.authenticator.open(olga, SignInKind.CLI, LOCAL_METHOD, Origin("127.0.0.1", "root"))
    body, bearer = {"number": 42}, opened.secret.reveal()
    decided = await api.good("POST", "/approvals/a-uma/approve", bearer=bearer, json=body)
    assert decided == {"decision": "approved"}


async def test_approval_is_late_when_its_time_has_passed(api: ApiStage) -> None:
    api.now += timedelta(seconds=61)

    body = {"number": 42}
    answer = await api.bad("POST", "/approvals/a-uma/approve", "main/uma", json=body)
    assert answer == (409, "already-decided")


async def test_token_sees_everybodys_and_decides_nothing(api: ApiStage) -> None:
    token = await api.token(Scope.SESSIONS_WRITE)

    assert len((await api.good("GET", "/sessions", bearer=token))["items"]) == 2
    assert len((await api.good("GET", "/connections", bearer=token))["items"]) == 2
    assert await api.bad("GET", "/approvals", bearer=token) == (403, "person-needed")

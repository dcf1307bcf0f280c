import asyncio
import json
from pathlib import Path

import httpx
import pytest

from dialback.cli.api import (
    Api,
    ApiRefused,
    Login,
    choose_server,
    login_path,
    opened_api,
    read_login,
    write_login,
)
from dialback.cli.context import Failed
from dialback.domain.tenancy import MAIN, Role, User
from dialback.transport.tls import client_context
from tests.cli.conftest import Terminal, sentence
from tests.cli.remote import Served


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DIALBACK_DATA", str(tmp_path / "none"))
    return tmp_path


KEPT = Login("gw.example.org:443", "CA", "secret")


def test_login_is_kept_for_its_user_alone(home: Path) -> None:
    assert read_login() is None

    write_login(KEPT)

    assert read_login() == KEPT
    assert login_path().stat().st_mode & 0o777 == 0o600
    assert "secret" not in repr(KEPT)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"server": "x"}'])
def test_damaged_login_is_named(home: Path, text: str) -> None:
    write_login(KEPT)
    login_path().write_text(text)

    with pytest.raises(Failed, match="damaged"):
        read_login()


def test_data_folder_comes_before_all_else(home: Path) -> None:
    write_login(KEPT)

    assert choose_server("other:1", "token", None, home) == home


def test_options_complete_the_login_of_the_same_server(home: Path) -> None:
    write_login(KEPT)
    ca = home / "ca.pem"
    ca.write_text("other CA")

    assert choose_server("", "", None, None) == KEPT
    assert choose_server("", "robot", None, None) == Login(KEPT.server, "CA", "robot")
    assert choose_server(KEPT.server, "", ca, None) == Login(KEPT.server, "other CA", "secret")


def test_token_of_a_login_is_sent_to_no_other_server(home: Path) -> None:
    write_login(KEPT)

    with pytest.raises(Failed, match="both --server and --token"):
        choose_server("evil.example.org:443", "", None, None)
    assert choose_server("evil.example.org:443", "x", None, None) == Login("evil.example.org:443", "", "x")


def test_nothing_known_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failed, match="dialback login SERVER"):
        choose_server("", "", None, None)

    (home / "none").mkdir()
    assert choose_server("", "", None, None) == home / "none"


async def asked(answer: httpx.Response) -> object:
    transport = httpx.MockTransport(lambda request: answer)
    async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
        return await Api(client, "gw", "gw", client_context()).get("me")


async def test_answers_that_are_none_of_ours_are_told() -> None:
    with pytest.raises(Failed, match="no Dialback server, or an older one"):
        await asked(httpx.Response(404, text="nothing"))
    with pytest.raises(Failed, match="no Dialback server"):
        await asked(httpx.Response(500, json=["x"]))
    with pytest.raises(Failed, match="no proper answer"):
        await asked(httpx.Response(200, content=b"{", headers={"content-type": "application/json"}))


async def test_problem_is_one_sentence_with_its_fields() -> None:
    problem = {
        "reason": "request-invalid",
        "title": "Wrong.",
        "detail": "So it is.",
        "errors": [{"field": "body.name", "message": "too long"}, {"field": "body.role", "message": "none"}],
    }
    with pytest.raises(ApiRefused) as raised:
        await asked(httpx.Response(422, json=problem))

    assert str(raised.value) == "That does not fit: name: too long; role: none."
    assert (raised.value.status, raised.value.reason) == (422, "request-invalid")


async def test_ids_are_quoted_in_paths() -> None:
    seen: list[bytes] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={})

    async with httpx.AsyncClient(transport=httpx.MockTransport(note), base_url="https://gw") as client:
        await Api(client, "gw", "gw", client_context()).get("users", "../me?x#y")

    assert seen == [b"/api/v1/users/..%2Fme%3Fx%23y"]


async def test_server_without_name_or_with_a_bad_ca_is_refused() -> None:
    for login, said in (
        (Login("no name", "", ""), "NAME:PORT"),
        (Login("gw:1", "x", ""), "certificate in PEM"),
    ):
        with pytest.raises(Failed, match=said):
            async with opened_api(login):
                pass


def test_local_caller_is_an_owner_for_a_moment_and_audited(terminal: Terminal, remote: Served) -> None:
    assert terminal.json("whoami")["kind"] == "local"
    terminal.good("session", "message", "h1/7", "save your work")

    audited = remote.ask(remote.audited())
    assert [action for kind, _, action in audited if kind == "local"] == [
        "sign-in.local",
        "sign-in.local",
        "session.message",
    ]
    assert all("@" in name for kind, name, _ in audited if kind == "local")
    olga = remote.ask(remote.store.directory.find(User, MAIN, "olga"))
    assert remote.ask(remote.store.accounts.sign_ins_of(MAIN, olga.id)) == []


def test_local_caller_needs_an_owner_and_a_running_server(terminal: Terminal, remote: Served) -> None:
    async def demote() -> None:
        olga = await remote.store.directory.find(User, MAIN, "olga")
        assert olga is not None
        await remote.store.directory.save(User(MAIN, olga.id, olga.name, role=Role.USER))

    remote.ask(demote())
    assert "There is no owner yet" in terminal.bad("whoami")


def test_local_server_that_does_not_run_is_told(terminal: Terminal, tmp_path: Path) -> None:
    assert "There is no data folder" in sentence(terminal.run("whoami", "--data", tmp_path / "none"))


def test_environment_names_server_and_token(
    terminal: Terminal, remote: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = terminal.good("token", "make", "robot", "--scope", "directory:read").strip()
    monkeypatch.setenv("DIALBACK_SERVER", remote.address)
    monkeypatch.setenv("DIALBACK_TOKEN", secret)
    monkeypatch.setenv("DIALBACK_CA", str(terminal.folder / "ca.pem"))

    assert json.loads(terminal.run("whoami", "--json").stdout)["name"] == "robot"
    assert terminal.run("pool", "list").exit_code == 0


def test_lists_are_read_page_by_page() -> None:
    pages = {"": {"items": [1], "after": "a"}, "a": {"items": [2], "after": ""}}

    async def listed() -> list[int]:
        transport = httpx.MockTransport(
            lambda request: httpx.Response(200, json=pages[request.url.params["after"]])
        )
        async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
            return await Api(client, "gw", "gw", client_context()).all("users")

    assert asyncio.run(listed()) == [1, 2]


def test_first_of_a_list_are_read_and_no_more() -> None:
    asked: list[str] = []

    def page(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["limit"])
        limit = int(request.url.params["limit"])
        return httpx.Response(200, json={"items": list(range(limit)), "after": "more"})

    async def listed(most: int) -> int:
        async with httpx.AsyncClient(transport=httpx.MockTransport(page), base_url="https://gw") as client:
            return len(await Api(client, "gw", "gw", client_context()).all("connections", most=most))

    assert asyncio.run(listed(600)) == 600
    assert asked == ["500", "100"]


async def test_name_that_is_empty_names_nothing() -> None:
    def first(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": [{"id": "x"}], "after": ""})

    async with httpx.AsyncClient(transport=httpx.MockTransport(first), base_url="https://gw") as client:
        with pytest.raises(Failed, match="There is no user ''; `dialback user list` shows them"):
            await Api(client, "gw", "gw", client_context()).named("users", "", "user", "dialback user list")

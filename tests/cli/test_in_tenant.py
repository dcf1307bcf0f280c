"""Where a command on a tenant goes, and which tenant it is on."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from dialback.cli.api import Login, read_login
from dialback.cli.context import Failed
from dialback.cli.data import local_name
from dialback.cli.in_tenant import opened_tenant, opened_tenants, tenant_of
from dialback.domain.audit import ActorKind
from dialback.domain.tenancy import MAIN
from tests.cli.conftest import Terminal, sentence
from tests.cli.remote import ACME, Served


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def tenants(chosen: Login | Path, tenant: str = "") -> list[str]:
    async with opened_tenants(chosen, tenant) as apis:
        return [await tenant_of(api) for api in apis]


async def the_one(chosen: Login | Path, tenant: str = "") -> str:
    async with opened_tenant(chosen, tenant) as api:
        return await tenant_of(api)


def test_folder_has_every_tenant_and_the_first_unless_one_is_named(
    terminal: Terminal, remote: Served
) -> None:
    assert set(run(tenants(terminal.folder))) == {MAIN, ACME}
    assert run(tenants(terminal.folder, ACME)) == [ACME]
    assert run(the_one(terminal.folder)) == MAIN
    assert run(the_one(terminal.folder, ACME)) == ACME
    with pytest.raises(Failed, match="There is no tenant 'none'"):
        run(the_one(terminal.folder, "none"))


def test_sign_in_is_for_its_own_tenant_alone(terminal: Terminal, remote: Served) -> None:
    remote.sign_in("anne", ACME)
    login = read_login()
    assert login is not None

    assert run(tenants(login)) == run(tenants(login, ACME)) == [ACME]
    assert run(the_one(login)) == ACME
    with pytest.raises(Failed, match="signed in to the tenant 'acme'"):
        run(the_one(login, MAIN))


def test_what_was_done_is_audited_even_if_the_command_fails_then(terminal: Terminal) -> None:
    async def half() -> None:
        async with opened_tenant(terminal.folder) as api:
            await api.put("groups", "g1", body={"name": "Helpers"})
            raise Failed("then something else went wrong")

    with pytest.raises(Failed, match="went wrong"):
        run(half())

    (entry,) = terminal.store(lambda store: store.audit.entries(MAIN))
    assert entry.action == "group.save"


def test_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="There is no data folder"):
        run(the_one(tmp_path / "none"))


WITHOUT_A_SERVER = (
    ("user", "add", "ada"),
    ("pool", "set", "office"),
    ("pool", "list"),
    ("pool", "show", "office"),
    ("workspace", "set", "work"),
    ("workspace", "set-group", "desktops", "--pool", "office", "--workspace", "work"),
    ("workspace", "list"),
    ("app", "set", "desk", "--group", "desktops"),
    ("app", "list"),
    ("assign", "desktops", "--user", "ada"),
    ("unassign", "desktops", "--user", "ada"),
    ("resource", "add", "lab", "--pool", "office", "--user", "ada"),
    ("resource", "list"),
    ("session", "list"),
    ("token", "make", "robot", "--scope", "hosts:read"),
    ("token", "list"),
)


def test_administrator_needs_no_running_server_and_names_the_tenant(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.tenant("acme")
    declared = tmp_path / "acme.yaml"
    declared.write_text("groups: {staff: {name: Staff, members: [ada]}}\n")

    for words in (*WITHOUT_A_SERVER, ("apply", str(declared))):
        terminal.good(*words, "--tenant", "acme")

    assert [each["name"] for each in terminal.json("app", "list", "--tenant", "acme")] == ["desk", "lab"]
    (token,) = terminal.json("token", "list", "--tenant", "acme")
    assert token["created_by"] == local_name()
    assert (
        terminal.json("app", "list") == terminal.json("token", "list") == terminal.json("pool", "list") == []
    )
    entries = terminal.store(lambda store: store.audit.entries(ACME))
    assert {entry.actor.kind for entry in entries} == {ActorKind.LOCAL}
    assert terminal.store(lambda store: store.audit.entries(MAIN)) == []


def test_running_server_finds_at_once_what_was_done_on_its_folder(terminal: Terminal, remote: Served) -> None:
    secret = terminal.good("token", "make", "robot", "--scope", "directory:read", "--tenant", ACME).strip()
    terminal.good("pool", "set", "office", "--tenant", ACME)
    where = ("--server", remote.address, "--token", secret, "--ca", terminal.folder / "ca.pem")

    assert "office" in terminal.run("pool", "list", *where).stdout

    (token,) = terminal.json("token", "list", "--tenant", ACME)
    terminal.good("token", "revoke", token["id"], "--tenant", ACME)
    assert "sign in" in sentence(terminal.run("pool", "list", *where))


def test_order_to_a_session_takes_the_running_server(terminal: Terminal) -> None:
    terminal.good("user", "add", "ada", "--role", "owner")

    assert "cannot be reached" in terminal.bad("session", "log-off", "h1/7")

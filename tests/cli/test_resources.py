"""`dialback resource`, on a data folder and over the API of a server."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.catalog import ApplicationGroup, Workspace
from dialback.domain.hosts import JoinCode
from dialback.domain.ids import (
    ApplicationGroupId,
    HostId,
    PoolId,
    ResourceId,
    ResourceName,
    TokenHash,
    WorkspaceId,
)
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN, User
from dialback.store.sql import SqlStore
from tests.broker.stores import HOST, NOW, POOL, RESOURCE, USER
from tests.cli.conftest import Terminal, sentence
from tests.cli.remote import ACME, Served
from tests.cli.test_connection_files import settings_in


async def enrol(store: SqlStore, host_id: str, name: str, pool: PoolId | None = None) -> None:
    """Enrol another host."""
    code = JoinCode(TokenHash(f"code of {host_id}"), name, NOW + timedelta(hours=1), pool=pool)
    await store.save_join_code(code)
    await store.enrol_host(code.hash, replace(HOST, id=HostId(host_id)), NOW)


def test_list_without_resources_says_what_to_do(terminal: Terminal) -> None:
    assert "dialback resource add" in terminal.good("resource", "list")
    assert terminal.json("resource", "list") == []


def test_added_resource_is_listed(filled: Terminal) -> None:
    filled.good("resource", "add", "lab", "--host", "desk", "--target", "unix:/run/rdp", "--user", "bob")

    assert "unix:/run/rdp" in filled.good("resource", "list")
    assert filled.json("resource", "list")[0] == {
        "name": "lab",
        "title": "lab",
        "kind": "desktop",
        "application_group": "lab",
        "pool": "desk",
        "target": "unix:/run/rdp",
    }
    filled.good("connect-file", "lab", "--user", "bob")


def test_resource_that_is_added_again_keeps_its_users(filled: Terminal) -> None:
    filled.good("resource", "add", "office", "--host", HOST.id, "--target", "127.0.0.1:3390")

    (resource,) = filled.json("resource", "list")
    assert (resource["title"], resource["target"]) == ("Office", "127.0.0.1:3390")
    filled.good("connect-file", "office", "--user", USER)


def test_resource_that_is_added_for_another_host_moves_with_its_users(filled: Terminal) -> None:
    filled.store(lambda store: enrol(store, "h2", "second"))

    filled.good("resource", "add", "office", "--host", "second")

    assert filled.json("resource", "list")[0]["pool"] == "second"
    filled.good("connect-file", "office", "--user", USER)


def test_resource_that_is_published_with_others_does_not_move_alone(filled: Terminal) -> None:
    async def add(store: SqlStore) -> None:
        await enrol(store, "h2", "second")
        another = replace(RESOURCE, id=ResourceId("r2"), name=ResourceName("lab"))
        await store.directory.save(another)

    filled.store(add)

    assert "together with others" in filled.bad("resource", "add", "office", "--host", "second")


def test_desktop_of_a_shared_pool_is_published_by_the_pool(filled: Terminal) -> None:
    filled.store(lambda store: enrol(store, "h2", "second", POOL))

    assert "shares the pool 'desk' with others" in filled.bad("resource", "add", "lab", "--host", "second")
    filled.good("resource", "add", "lab", "--pool", "DESK", "--user", USER)

    assert filled.json("resource", "list")[0]["pool"] == "desk"
    # Each host has a certificate of its own, so none is named.
    assert "/cert:" not in filled.good("connect-file", "lab", "--user", USER)


def test_host_in_no_pool_publishes_nothing(filled: Terminal) -> None:
    filled.store(lambda store: store.directory.remove_pool_host(MAIN, HOST.id))

    assert "is in no host pool" in filled.bad("resource", "add", "lab", "--host", "desk")


def test_user_who_is_named_in_another_case_is_the_same(filled: Terminal) -> None:
    filled.good("resource", "assign", "office", "--user", "ANNE")
    filled.good("connect-file", "office", "--user", "Anne")

    assert settings_in(filled.folder.parent / "office.rdp")["username"] == USER
    users = filled.store(lambda store: store.directory.page(User, MAIN))
    assert [user.name for user in users.items] == [USER]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Lab", "--host", "desk"), "expected 1 to 63 of a-z"),
        (("lab", "--host", "none"), "There is no host 'none'"),
        (("lab", "--host", "desk", "--target", "nowhere"), "expected NAME:PORT"),
        (("lab", "--host", "desk", "--user", "\x1b[2J"), "printable characters as user name"),
        (("lab",), "either the host or the host pool"),
        (("lab", "--host", "desk", "--pool", "desk"), "either the host or the host pool"),
        (("lab", "--pool", "none"), "There is no host pool 'none'"),
    ],
)
def test_resource_that_cannot_be_is_not_added(filled: Terminal, words: tuple[str, ...], said: str) -> None:
    assert said in filled.bad("resource", "add", *words)

    assert [each["name"] for each in filled.json("resource", "list")] == [RESOURCE.name]


def test_user_may_use_what_is_assigned(filled: Terminal) -> None:
    assert "Assigned office to eve, bob" in filled.good(
        "resource", "assign", "office", "--user", "eve", "--user", "bob"
    )

    filled.good("connect-file", "office", "--user", "eve")
    assert "There is no resource" in filled.bad("resource", "assign", "lab", "--user", "eve")


def test_application_group_of_the_name_is_published_in_as_it_is(filled: Terminal) -> None:
    filled.store(lambda store: store.directory.save(Workspace(MAIN, WorkspaceId("work"), "Work")))
    group = ApplicationGroup(
        MAIN, ApplicationGroupId("lab"), "Laboratory", POOL, workspace=WorkspaceId("work")
    )
    filled.store(lambda store: store.directory.save(group))

    filled.good("resource", "add", "lab", "--host", "desk")

    kept = filled.store(lambda store: store.directory.get(ApplicationGroup, MAIN, "lab"))
    assert (kept.name, kept.pool, kept.workspace) == ("Laboratory", POOL, "work")
    assert "Laboratory" in [each["application_group"] for each in filled.json("resource", "list")]


def test_resource_of_another_name_under_the_id_is_not_replaced(filled: Terminal) -> None:
    another = replace(RESOURCE, id=ResourceId("lab"), name=ResourceName("laboratory"))
    filled.store(lambda store: store.directory.save(another))

    said = filled.bad("resource", "add", "lab", "--host", "desk")
    assert said == "The id 'lab' is that of 'laboratory'; choose a different one."

    assert [each["name"] for each in filled.json("resource", "list")] == ["laboratory", RESOURCE.name]


def test_owner_who_is_signed_in_publishes_in_their_tenant(terminal: Terminal, remote: Served) -> None:
    remote.sign_in("olga")

    printed = terminal.run("resource", "add", "lab", "--host", "desk-1", "--user", "anne", "--user", "eve")
    assert printed.stdout.startswith("Published lab on desk-1")

    assert [each["name"] for each in terminal.json("resource", "list")] == ["lab"]
    assert terminal.json("resource", "list", "--tenant", ACME) == []
    made = [entry for entry in remote.ask(remote.audited()) if entry[2] != "sign-in.open"]
    assert made == [
        ("user", "olga", action)
        for action in (
            "application-group.save",
            "resource.save",
            "application-group.assign",
            "user.save",
            "application-group.assign",
        )
    ]
    assert terminal.run("resource", "list").stdout.count("lab") == 1


def test_user_who_is_signed_in_publishes_nothing(terminal: Terminal, remote: Served) -> None:
    remote.sign_in("anne")

    assert "Your role" in sentence(terminal.run("resource", "add", "lab", "--host", "desk-1"))
    assert "Your role" in sentence(terminal.run("resource", "list"))


def test_tenant_that_is_named_is_published_in(filled: Terminal) -> None:
    filled.tenant("acme")
    pool = HostPool(ACME, PoolId("theirs"), "Theirs")
    filled.store(lambda store: store.directory.save(pool))

    filled.good("resource", "add", "lab", "--pool", "Theirs", "--user", "eve", "--tenant", "acme")

    assert [each["pool"] for each in filled.json("resource", "list", "--tenant", "acme")] == ["Theirs"]
    assert [each["name"] for each in filled.json("resource", "list")] == [RESOURCE.name]
    filled.good("connect-file", "lab", "--user", "eve", "--tenant", "acme")

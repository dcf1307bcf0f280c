from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.hosts import JoinCode
from dialback.domain.ids import HostId, PoolId, ResourceId, ResourceName, TokenHash
from dialback.domain.tenancy import MAIN, User
from dialback.identity.tokens import hash_token
from dialback.store.sql import SqlStore
from tests.broker.stores import HOST, NOW, POOL, RESOURCE, USER
from tests.cli.conftest import Terminal
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


def test_revoked_file_opens_nothing_more(filled: Terminal) -> None:
    path = filled.folder.parent / "office.rdp"
    filled.good("connect-file", "office", "--user", USER)

    filled.good("revoke-file", path)

    token = str(settings_in(path)["gatewayaccesstoken"])
    stored, _ = filled.store(lambda store: store.token(hash_token(token)))
    assert stored.revoked_at is not None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"full address:s:office\r\n", "holds no token"),
        (b"gatewayaccesstoken:s:abc\r\n", "was not issued by this server"),
        (b"\xff", "expected a connection file"),
        (b"nonsense", "expected name:type:value"),
    ],
)
def test_file_that_cannot_be_revoked_is_named(filled: Terminal, content: bytes, said: str) -> None:
    path = filled.folder.parent / "some.rdp"
    path.write_bytes(content)

    assert said in filled.bad("revoke-file", path)


def test_file_that_is_not_there_is_named(filled: Terminal) -> None:
    assert "none.rdp: No such file" in filled.bad("revoke-file", "none.rdp")

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialback.cli.resources import colons
from dialback.identity.tokens import hash_token
from dialback.wire import rdpfile
from tests.broker.stores import HOST, RESOURCE, USER
from tests.cli.conftest import Terminal


def settings_in(path: Path) -> dict[str, object]:
    return {each.name: each.value for each in rdpfile.parse(rdpfile.decode(path.read_bytes()))}


def test_fingerprint_is_written_in_pairs() -> None:
    assert colons("abcdef") == "ab:cd:ef"


def test_list_without_resources_says_what_to_do(terminal: Terminal) -> None:
    assert "dialback resource add" in terminal.good("resource", "list")
    assert terminal.json("resource", "list") == []


def test_added_resource_is_listed(filled: Terminal) -> None:
    filled.good("resource", "add", "lab", "--host", "desk", "--target", "unix:/run/rdp", "--user", "bob")

    assert "unix:/run/rdp" in filled.good("resource", "list")
    assert filled.json("resource", "list")[0] == {
        "name": "lab",
        "host_id": HOST.id,
        "host": "desk",
        "target": "unix:/run/rdp",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Lab", "--host", "desk"), "expected 1 to 63 of a-z"),
        (("lab", "--host", "none"), "There is no host 'none'"),
        (("lab", "--host", "desk", "--target", "nowhere"), "expected NAME:PORT"),
        (("lab", "--host", "desk", "--user", "\x1b[2J"), "printable characters as user name"),
    ],
)
def test_resource_that_cannot_be_is_not_added(filled: Terminal, words: tuple[str, ...], said: str) -> None:
    assert said in filled.bad("resource", "add", *words)

    assert [each["name"] for each in filled.json("resource", "list")] == [RESOURCE.name]


def test_connection_file_opens_the_resource_for_the_user(filled: Terminal) -> None:
    path = filled.folder.parent / "office.rdp"

    said = filled.good("connect-file", "office", "--user", USER)

    settings = settings_in(path)
    assert settings["full address"] == "office"
    assert settings["username"] == USER
    token = str(settings["gatewayaccesstoken"])
    stored, _ = filled.store(lambda store: store.token(hash_token(token)))
    assert (stored.user, stored.resource) == (USER, RESOURCE.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token not in said
    assert colons("ab" * 32) in said


def test_connection_file_lives_as_long_as_said(filled: Terminal) -> None:
    path = filled.folder.parent / "mine.rdp"
    filled.good("connect-file", "office", "--user", USER, "--minutes", "5", "--out", path)

    token = str(settings_in(path)["gatewayaccesstoken"])
    stored, _ = filled.store(lambda store: store.token(hash_token(token)))
    assert 0 < (stored.expires_at - datetime.now(UTC)).total_seconds() <= 300


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("office", "--user", "eve"), "'eve' may not use office"),
        (("lab", "--user", "anne"), "There is no resource 'lab'"),
        (("../x", "--user", "anne"), "expected 1 to 63 of a-z"),
        (("office", "--user", "anne", "--out", "none/office.rdp"), "none/"),
    ],
)
def test_connection_file_that_cannot_be_made_is_refused(
    filled: Terminal, words: tuple[str, ...], said: str
) -> None:
    assert said in filled.bad("connect-file", *words)
    assert list(filled.folder.parent.glob("*.rdp")) == []


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

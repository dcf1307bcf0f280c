"""`dialback connect-file` and `revoke-file`, on a data folder and over the API of a server."""

import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialback.cli.connection_files import colons
from dialback.domain.approvals import number_of
from dialback.domain.catalog import ApplicationGroup, PublishedResource, UserAssignment
from dialback.domain.ids import ApplicationGroupId, PoolId, ResourceId, ResourceName, TenantId, UserId
from dialback.domain.pools import HostPool, StepUp
from dialback.domain.tenancy import MAIN
from dialback.identity.tokens import hash_token
from dialback.wire import rdpfile, rdpsign
from tests.broker.stores import ANNE, NOW, RESOURCE, USER
from tests.cli.conftest import Terminal, sentence
from tests.cli.remote import ACME, Served
from tests.openssl import cms_verifies


def settings_in(path: Path) -> dict[str, object]:
    return {each.name: each.value for each in rdpfile.parse(rdpfile.decode(path.read_bytes()))}


def test_fingerprint_is_written_in_pairs() -> None:
    assert colons("abcdef") == "ab:cd:ef"


def test_disabled_user_gets_no_file(filled: Terminal) -> None:
    filled.store(lambda store: store.directory.save(replace(ANNE, disabled_at=NOW)))

    assert "The user is disabled" in filled.bad("connect-file", "office", "--user", USER)


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


def test_signature_of_a_connection_file_holds_before_openssl(filled: Terminal, tmp_path: Path) -> None:
    path = filled.folder.parent / "mine.rdp"
    filled.good("connect-file", "office", "--user", USER, "--out", path)

    signed = rdpsign.read(rdpfile.parse(rdpfile.decode(path.read_bytes())))
    assert signed is not None
    assert cms_verifies(tmp_path, signed.pkcs7, signed.message)


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


def publish(remote: Served, tenant: TenantId = MAIN) -> None:
    """Publish a desktop for anne, whose connections wait."""
    pool = HostPool(tenant, PoolId("p1"), "Pool", step_up=StepUp(wanted=True))
    group = ApplicationGroup(tenant, ApplicationGroupId("g1"), "Desktops", pool.id)
    office = PublishedResource(tenant, ResourceId("r1"), group.id, ResourceName("office"), "Office")
    for noun in (pool, group, office):
        remote.ask(remote.store.directory.save(noun))
    remote.ask(remote.store.directory.assign(UserAssignment(tenant, group.id, UserId("u-anne"))))


def number_in(said: str) -> int:
    return int(said.rpartition("the number to pick is ")[2].strip().rstrip("."))


def test_user_makes_a_file_for_themselves_and_for_nobody_else(terminal: Terminal, remote: Served) -> None:
    publish(remote)
    remote.sign_in("anne")

    said = terminal.run("connect-file", "office").stdout

    token = str(settings_in(Path("office.rdp"))["gatewayaccesstoken"])
    stored, _ = remote.ask(remote.store.token(hash_token(token)))
    assert (stored.tenant, stored.user) == (MAIN, "anne")
    assert number_in(said) == number_of(hash_token(token))
    assert "expected helpdesk, got user" in sentence(terminal.run("connect-file", "office", "--user", "bob"))
    assert "'anne' may not use other" in sentence(terminal.run("connect-file", "other"))


def test_owner_makes_a_file_for_a_user_of_their_tenant(terminal: Terminal, remote: Served) -> None:
    publish(remote, ACME)
    remote.sign_in("olga", ACME)

    said = terminal.run("connect-file", "office", "--user", "anne").stdout

    assert "It waits until anne approves it" in said
    assert "'olga' may not use office" in sentence(terminal.run("connect-file", "office"))
    remote.sign_in("olga")
    said = sentence(terminal.run("connect-file", "office", "--user", "anne"))
    assert "There is no resource 'office'" in said


def test_data_folder_names_user_and_tenant(terminal: Terminal, remote: Served) -> None:
    publish(remote, ACME)

    terminal.good("connect-file", "office", "--user", "anne", "--tenant", "acme")

    assert "There is no resource" in terminal.bad("connect-file", "office", "--user", "anne")
    assert "may not use office" in terminal.bad("connect-file", "office", "--tenant", "acme")


def revoked(terminal: Terminal, path: Path) -> bool:
    """Say whether the token of the file is revoked."""
    token, _ = terminal.store(
        lambda store: store.token(hash_token(str(settings_in(path)["gatewayaccesstoken"])))
    )
    return token.revoked_at is not None


def test_revoked_file_opens_nothing_more(filled: Terminal) -> None:
    path = filled.folder.parent / "office.rdp"
    filled.good("connect-file", "office", "--user", USER)

    assert filled.good("revoke-file", path) == f"Revoked: {path} opens nothing more.\n"

    assert revoked(filled, path)
    (entry,) = filled.json("audit", "list", "--action", "connection-file.revoke")
    assert (entry["subject"], entry["detail"]) == ("resource:office", f"for user {USER}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"full address:s:office\r\n", "holds no token"),
        (b"gatewayaccesstoken:s:abc\r\n", "There is nothing to revoke"),
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


def test_data_folder_revokes_files_of_every_tenant_unless_one_is_named(
    terminal: Terminal, remote: Served, tmp_path: Path
) -> None:
    publish(remote, ACME)
    path = tmp_path / "theirs.rdp"
    terminal.good("connect-file", "office", "--user", "anne", "--tenant", ACME, "--out", path)

    assert "nothing to revoke" in terminal.bad("revoke-file", path, "--tenant", MAIN)
    assert not revoked(terminal, path)

    terminal.good("revoke-file", path)
    assert revoked(terminal, path)
    actions = [entry["action"] for entry in terminal.json("audit", "list", "--tenant", ACME)]
    assert actions[0] == "connection-file.revoke"


def test_signed_in_users_revoke_their_own_files_and_administrators_those_of_their_tenant(
    terminal: Terminal, remote: Served, tmp_path: Path
) -> None:
    publish(remote)
    own, lost = tmp_path / "own.rdp", tmp_path / "lost.rdp"
    for path in (own, lost):
        terminal.good("connect-file", "office", "--user", "anne", "--out", path)

    remote.sign_in("olga", ACME)
    assert "nothing to revoke" in sentence(terminal.run("revoke-file", lost))
    remote.sign_in("bob")
    assert "nothing to revoke" in sentence(terminal.run("revoke-file", lost))
    assert not revoked(terminal, lost)

    remote.sign_in("anne")
    assert terminal.run("revoke-file", own).exit_code == 0
    remote.sign_in("olga")
    assert terminal.run("revoke-file", lost).exit_code == 0
    assert revoked(terminal, own)
    assert revoked(terminal, lost)
    entries = [entry for entry in remote.ask(remote.audited()) if entry[2] == "connection-file.revoke"]
    assert entries == [("user", "anne", "connection-file.revoke"), ("user", "olga", "connection-file.revoke")]

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.app.certificates import server_certificates
from dialback.app.settings import load_settings
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import HostId, TenantId, TokenHash
from dialback.domain.tenancy import MAIN
from dialback.identity.tokens import hash_token
from dialback.store.sql import SqlStore
from dialback.wire.agent import joincode
from tests.broker.stores import HOST, POOL
from tests.cli.conftest import Terminal, assert_harmless, sentence
from tests.cli.remote import ACME, Served


def test_list_without_hosts_says_what_to_do(terminal: Terminal) -> None:
    assert "dialback host code" in terminal.good("host", "list")
    assert terminal.json("host", "list") == []


def test_list_shows_hosts_harmlessly(filled: Terminal) -> None:
    text = filled.good("host", "list")

    assert_harmless(text)
    assert HOST.id in text
    assert "ab" * 32 in text


def test_json_has_no_key_and_every_claim(filled: Terminal) -> None:
    (host,) = filled.json("host", "list")

    assert {each.name for each in fields(Host)} - {"public_key"} <= set(host)
    assert "public_key" not in host
    assert (host["id"], host["name"], host["link_up"]) == (HOST.id, "desk", True)
    assert host["report"]["rdp_servers"][0]["security"] == "tls"


def test_code_names_the_server_and_its_authority(terminal: Terminal) -> None:
    code = joincode.parse(terminal.good("host", "code", "desk"))

    settings = load_settings(terminal.folder)
    assert code.server == settings.server.address
    assert code.ca_sha256 == server_certificates(terminal.folder, settings).ca_sha256


def test_code_is_one_line_of_its_own(terminal: Terminal) -> None:
    assert terminal.good("host", "code", "desk").count("\n") == 1


@pytest.mark.parametrize("name", ["", "x" * 254, "\x1b[2J", "a\nb", "\u202e"])
def test_code_for_a_name_that_is_none_is_refused(terminal: Terminal, name: str) -> None:
    assert "host name" in terminal.bad("host", "code", name)
    assert terminal.json("audit", "list") == []


def test_code_can_name_the_pool_that_the_host_joins(filled: Terminal) -> None:
    code = joincode.parse(filled.good("host", "code", "second", "--pool", "desk"))

    async def enrol(store: SqlStore) -> int:
        host = replace(HOST, id=HostId("h2"))
        await store.enrol_host(hash_token(code.secret), host, datetime.now(UTC))
        return len(await store.directory.pool_hosts(MAIN, POOL))

    assert filled.store(enrol) == 2
    assert "There is no host pool 'none'" in filled.bad("host", "code", "third", "--pool", "none")


def test_code_can_be_for_another_tenants_host(terminal: Terminal) -> None:
    terminal.tenant("acme")
    code = joincode.parse(terminal.good("host", "code", "desk", "--tenant", "acme"))

    async def enrol(store: SqlStore) -> TenantId:
        host = replace(HOST, id=HostId("h2"))
        return (await store.enrol_host(hash_token(code.secret), host, datetime.now(UTC))).tenant

    assert terminal.store(enrol) == "acme"
    assert "There is no tenant 'none'" in terminal.bad("host", "code", "desk", "--tenant", "none")


def test_life_of_a_code_has_bounds(terminal: Terminal) -> None:
    assert terminal.data("host", "code", "desk", "--hours", "0").exit_code == 2


@pytest.mark.parametrize("named", [HOST.id, HOST.name])
def test_removed_host_is_gone_from_the_list(filled: Terminal, named: str) -> None:
    assert named in filled.good("host", "remove", named)

    assert filled.json("host", "list") == []
    assert "There is no host" in filled.bad("host", "remove", named)


def test_name_of_two_hosts_is_ambiguous(filled: Terminal) -> None:
    async def add(store) -> None:  # type: ignore[no-untyped-def]
        now = datetime.now(UTC)
        await store.save_join_code(JoinCode(TokenHash("c"), HOST.name, now + timedelta(hours=1)))
        await store.enrol_host(TokenHash("c"), replace(HOST, id=HostId("h2")), now)

    filled.store(add)

    assert "There are 2 hosts named 'desk'" in filled.bad("host", "remove", "desk")
    filled.good("host", "remove", "h2")


def test_unknown_host_with_a_hostile_name_is_shown_harmlessly(terminal: Terminal) -> None:
    said = terminal.bad("host", "remove", "\x1b[2J[bold]")

    assert_harmless(said)


def enrol_in_acme(terminal: Terminal, name: str = "theirs") -> None:
    """Enrol a host of another tenant."""
    terminal.tenant("acme")
    code = joincode.parse(terminal.good("host", "code", name, "--tenant", "acme"))

    async def enrol(store: SqlStore) -> None:
        host = replace(HOST, id=HostId("h-acme"), name=name)
        await store.enrol_host(hash_token(code.secret), host, datetime.now(UTC))

    terminal.store(enrol)


def test_data_folder_shows_and_removes_hosts_of_every_tenant(filled: Terminal) -> None:
    enrol_in_acme(filled)

    hosts = [(host["name"], host["tenant"]) for host in filled.json("host", "list")]
    assert hosts == [("desk", MAIN), ("theirs", "acme")]
    assert [host["name"] for host in filled.json("host", "list", "--tenant", "acme")] == ["theirs"]
    assert "There is no host" in filled.bad("host", "remove", "theirs", "--tenant", "main")

    filled.good("host", "remove", "theirs")

    assert [host["name"] for host in filled.json("host", "list")] == ["desk"]
    (entry,) = filled.json("audit", "list", "--tenant", "acme", "--action", "host.revoke")
    assert entry["subject"] == "host:h-acme"


def test_signed_in_owner_sees_and_removes_hosts_of_their_tenant_alone(
    terminal: Terminal, remote: Served
) -> None:
    remote.sign_in("olga", ACME)
    assert "No host is enrolled" in terminal.run("host", "list").stdout
    assert "There is no host 'desk-1'" in sentence(terminal.run("host", "remove", "desk-1"))

    remote.sign_in("olga")
    assert "desk-1" in terminal.run("host", "list").stdout
    assert terminal.run("host", "remove", "desk-1").exit_code == 0
    code = joincode.parse(terminal.run("host", "code", "desk-3").stdout.strip())
    assert code.server == remote.address

    assert [host["name"] for host in terminal.json("host", "list")] == ["desk-2"]

"""Tenants, terms and staff by the command line."""

from datetime import UTC, datetime

import pytest

from dialback.domain.ids import HostId, TenantId, UserId, UserName
from dialback.domain.provider import PROVIDER, StaffRole
from dialback.domain.tenancy import User
from tests.cli.conftest import HOSTILE, Terminal, assert_harmless
from tests.cli.remote import Served

ACME = TenantId("acme")


@pytest.fixture
def acme(terminal: Terminal, remote: Served) -> Terminal:
    terminal.good("provider", "tenant", "add", "acme", "--name", "Acme AG")
    return terminal


def test_tenants_are_made_and_listed(acme: Terminal, remote: Served) -> None:
    remote.ask(remote.store.set_link(HostId("h1"), True, datetime.now(UTC)))
    (first, second) = acme.json("provider", "tenant", "list")
    assert (first["id"], first["name"], second["id"], second["hosts_up"]) == ("acme", "Acme AG", "main", 1)
    shown = acme.good("provider", "tenant", "list").splitlines()
    assert shown[1].split() == ["acme", "Acme", "AG", "0", "0", "yes", "-", "0", "0"]
    assert shown[2].split()[:5] == ["main", "Main", "1", "2", "yes"]


def test_terms_change_only_where_something_is_said(acme: Terminal, remote: Served) -> None:
    terms = ("provider", "tenant", "terms", "acme")
    lease = ("--begin", "2026-01-01", "--end", "2099-12-31T18:00+01:00")
    acme.good(*terms, "--tag", "gold", "--tag", "eu", *lease, "--most-connections", "3")
    acme.good(*terms, "--suspend", "--most-bytes-month", "1000")
    found = acme.json(*terms)
    assert (found["tags"], found["most_connections"], found["most_bytes_month"]) == (["eu", "gold"], 3, 1000)
    assert found["ends_at"].startswith("2099-12-31T")
    assert found["suspended_at"] is not None
    assert "suspended" in acme.good("provider", "tenant", "list")
    changed = acme.json(*terms, "--resume", "--no-tags", "--begin", "never", "--most-connections", "0")
    assert (changed["suspended_at"], changed["tags"], changed["begins_at"]) == (None, [], None)
    assert changed["most_connections"] is None
    assert "to 2099-12-31" in acme.good("provider", "tenant", "list")
    assert "most bytes month" in acme.good(*terms)


def test_terms_that_are_none_are_one_sentence(acme: Terminal) -> None:
    terms = ("provider", "tenant", "terms", "acme")
    assert "2026-11-30" in acme.bad(*terms, "--end", "soon")
    assert "got both" in acme.bad(*terms, "--suspend", "--resume")
    assert "ends after it begins" in acme.bad(*terms, "--begin", "2026-01-02", "--end", "2026-01-01")
    assert "no such thing" in acme.bad("provider", "tenant", "terms", "nobody")
    assert "provider itself" in acme.bad("provider", "tenant", "add", "provider")


def test_staff_are_taken_on_invited_changed_and_removed(acme: Terminal, remote: Served) -> None:
    added = acme.good("provider", "staff", "add", "tess", "--tenant", "acme", "--tag", "gold")
    assert "provider\\tess" in added
    (tess,) = acme.json("provider", "staff", "list")
    assert (tess["name"], tess["role"], tess["tenants"], tess["tags"]) == (
        "tess",
        "technician",
        ["acme"],
        ["gold"],
    )
    user = remote.ask(remote.store.directory.get(User, PROVIDER, tess["id"]))
    assert user.name == "tess"
    assert "/invitation/" in acme.good("provider", "staff", "invite", "Tess")
    acme.good("provider", "staff", "add", "tess", "--role", "provider-administrator")
    kept = remote.ask(remote.store.provider.staff(UserId(tess["id"])))
    assert (kept.role, kept.tenants) == (StaffRole.ADMINISTRATOR, frozenset())
    assert tess["id"] in acme.good("provider", "staff", "list")
    acme.good("provider", "staff", "remove", "tess")
    assert "staff add" in acme.good("provider", "staff", "list")
    assert "called 'tess'" in acme.bad("provider", "staff", "remove", "tess")


def test_names_that_were_put_into_the_database_by_hand_steer_no_terminal(
    acme: Terminal, remote: Served
) -> None:
    acme.good("provider", "staff", "add", "tess")
    (tess,) = acme.json("provider", "staff", "list")
    user = User(PROVIDER, UserId(tess["id"]), UserName("[bold]:ab:"))
    remote.ask(remote.store.directory.save(user))
    assert_harmless(acme.good("provider", "staff", "list"))
    assert HOSTILE not in acme.good("provider", "tenant", "list")

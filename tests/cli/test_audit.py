from datetime import UTC, datetime

from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.tenancy import MAIN
from dialback.store.sql import SqlStore
from tests.cli.conftest import HOSTILE, Terminal, assert_harmless

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def fill(terminal: Terminal) -> None:
    async def write(store: SqlStore) -> None:
        anna = Actor(ActorKind.USER, "anna", "2001:db8:ab:cd::1")
        await store.audit.write(AuditEntry(MAIN, NOW, anna, "pool.save", "pool:p1", HOSTILE))
        system = Actor(ActorKind.SYSTEM)
        await store.audit.write(AuditEntry(MAIN, NOW, system, "connection.refused", allowed=False))

    terminal.store(write)


def test_an_empty_log_says_so(terminal: Terminal) -> None:
    assert "no such entry" in terminal.good("audit", "list")
    assert terminal.json("audit", "list") == []


def test_the_newest_entry_comes_first_and_nothing_harms_the_terminal(terminal: Terminal) -> None:
    fill(terminal)
    text = terminal.good("audit", "list")
    assert_harmless(text)
    lines = text.splitlines()
    assert "connection.refused" in lines[1]
    assert "system" in lines[1]
    assert "2001:db8:ab:cd::1" in lines[2]


def test_json_has_everything(terminal: Terminal) -> None:
    fill(terminal)
    refused, saved = terminal.json("audit", "list")
    assert saved["detail"] == HOSTILE
    assert saved["actor"] == {"kind": "user", "name": "anna", "address": "2001:db8:ab:cd::1"}
    assert (refused["allowed"], refused["number"] > saved["number"]) == (False, True)


def test_entries_are_narrowed(terminal: Terminal) -> None:
    fill(terminal)
    newest = terminal.json("audit", "list", "--limit", "1")
    assert [entry["action"] for entry in newest] == ["connection.refused"]
    older = terminal.json("audit", "list", "--before", str(newest[0]["number"]))
    assert [entry["action"] for entry in older] == ["pool.save"]
    assert terminal.json("audit", "list", "--action", "pool.") == older
    assert terminal.json("audit", "list", "--actor", "anna") == older
    assert terminal.json("audit", "list", "--tenant", "other") == []

from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from dialback.app.files import platform_key
from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.flight import FlightEntry, FlightEvent, SignedHead, build, extend, head_of
from dialback.domain.tenancy import MAIN
from dialback.store.sql import SqlStore
from tests.broker.stores import HOST, KEY, RECORD
from tests.cli.conftest import HOSTILE, Terminal, assert_harmless, sentence
from tests.cli.remote import ACME, Served

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
    assert set(saved) == {each.name for each in fields(AuditEntry)}
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
    terminal.tenant("other")
    assert terminal.json("audit", "list", "--tenant", "other") == []


def fly(terminal: Terminal, purpose: str = "printer") -> None:
    """Keep a flight record that both have signed, of the host of the data folder."""
    entries: list[FlightEntry] = []
    for event in (FlightEvent.ASKED, FlightEvent.ENDED):
        facts = {"host": str(HOST.id), "purpose": purpose}
        entries.append(extend(entries, RECORD.id, NOW, event, **facts))  # type: ignore[arg-type]
    head = head_of(entries)
    signed = SignedHead(
        head, KEY.sign(head.signed_bytes), platform_key(terminal.folder).sign(head.signed_bytes)
    )

    async def write(store: SqlStore) -> None:
        await store.provider.append_flight(MAIN, [build(entry) for entry in entries])
        await store.provider.sign_flight(MAIN, signed)

    terminal.store(write)


def test_exported_record_is_proven(filled: Terminal, tmp_path: Path) -> None:
    fly(filled)
    copy = tmp_path / "copy.jsonl"
    assert f"The flight record is in {copy}" in filled.good("audit", "export", RECORD.id, "--out", copy)
    assert filled.good("audit", "export", RECORD.id) == copy.read_text()
    result = filled.run("audit", "verify", copy, "--entries")
    assert result.exit_code == 0
    assert "all 2 entries are signed by the host's agent and by the platform" in result.stdout
    assert platform_key(filled.folder).public_bytes.hex() in result.stdout
    keys = ("--host-key", KEY.public_bytes.hex(), "--platform-key", "00" * 32)
    assert "the key of the platform" in sentence(filled.run("audit", "verify", copy, *keys))
    assert filled.run("audit", "verify", copy, copy).exit_code == 0


def test_what_was_done_to_a_copy_is_one_sentence(filled: Terminal, tmp_path: Path) -> None:
    fly(filled)
    copy = tmp_path / "copy.jsonl"
    lines = filled.good("audit", "export", RECORD.id).splitlines()
    for tampered, why in (
        ([lines[0].replace("printer", "another"), *lines[1:]], "entry 1 does not follow"),
        ([lines[0], lines[2]], "entry 1 is the first that is missing"),
        ([lines[1], lines[0], lines[2]], "at place 0 stands entry 1"),
        (lines[1:], "at place 0 stands entry 1"),
    ):
        copy.write_text("\n".join(tampered))
        result = filled.run("audit", "verify", copy)
        assert result.exit_code == 1
        assert why in sentence(result)
    copy.write_text("\n".join(lines[:2]))
    assert filled.run("audit", "verify", copy).exit_code == 3


def test_record_that_is_not_there_is_one_sentence(filled: Terminal, tmp_path: Path) -> None:
    assert "no flight record" in filled.bad("audit", "export", "lost")
    fly(filled)
    filled.tenant("acme")
    assert "no flight record" in filled.bad("audit", "export", RECORD.id, "--tenant", "acme")
    assert "none.jsonl" in sentence(filled.run("audit", "verify", tmp_path / "none.jsonl"))


def test_signed_in_owner_reads_the_log_of_their_tenant_and_a_user_does_not(
    terminal: Terminal, remote: Served
) -> None:
    entry = AuditEntry(MAIN, NOW, Actor(ActorKind.USER, "anna"), "pool.save", "pool:p1")
    remote.ask(remote.store.audit.write(entry))
    remote.sign_in("olga")
    assert "pool:p1" in terminal.run("audit", "list").stdout

    remote.sign_in("olga", ACME)
    assert "pool:p1" not in terminal.run("audit", "list").stdout

    remote.sign_in("anne")
    assert "expected administrator, got user" in sentence(terminal.run("audit", "list"))

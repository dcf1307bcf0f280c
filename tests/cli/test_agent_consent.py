"""Consent at the host, as the person there does it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialback.agent.consent import HostConsent
from dialback.agent.consent_files import ConsentFiles
from dialback.agent.settings import ConsentSettings
from dialback.domain.errors import Refused
from tests.agent.consents import HOST, order
from tests.cli.conftest import Terminal, sentence


@pytest.fixture
def host(tmp_path: Path) -> HostConsent:
    """A host that was asked for something a moment ago."""
    consent = HostConsent(ConsentFiles(tmp_path), HOST, ConsentSettings())
    ask(consent)
    return consent


def ask(consent: HostConsent) -> bool:
    """Ask for a desktop; say whether the technician is let in."""
    try:
        consent.judge(order(asked_at=datetime.now(UTC)))
    except Refused:
        return False
    return True


def test_what_waits_is_listed_approved_and_revoked(
    terminal: Terminal, tmp_path: Path, host: HostConsent
) -> None:
    listed = terminal.run("agent", "consent", "list", "--folder", tmp_path).output
    assert "the printer" in listed
    assert "Nothing is granted at this host." in listed

    approved = terminal.run("agent", "consent", "approve", "r1", "--folder", tmp_path, "--by", "olga").output
    assert "Granted to tom until" in approved
    assert ask(host)

    plain = json.loads(terminal.run("agent", "consent", "list", "--folder", tmp_path, "--json").output)
    [granted] = plain["granted"]
    assert (granted["staff"], granted["approved_by"], plain["waiting"]) == ("tom", "olga", [])
    assert granted["signed_by"] == "this host"

    assert (
        "is revoked"
        in terminal.run("agent", "consent", "revoke", granted["grant"], "--folder", tmp_path).output
    )
    assert not ask(host)


def test_key_of_the_host_is_shown_by_its_fingerprint(terminal: Terminal, tmp_path: Path) -> None:
    first = terminal.run("agent", "consent", "key", "--folder", tmp_path).output
    assert first == terminal.run("agent", "consent", "key", "--folder", tmp_path).output
    assert len(first.strip()) == 64


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("approve", "r9"), "nothing waits under 'r9'"),
        (("approve", "\x1b[2J"), "nothing waits under"),
        (("revoke", "no id"), "as grant id"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    terminal: Terminal, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in sentence(terminal.run("agent", "consent", *words, "--folder", tmp_path))


def test_folder_without_an_agent_has_nothing_waiting(terminal: Terminal, tmp_path: Path) -> None:
    listed = terminal.run("agent", "consent", "list", "--folder", tmp_path / "none").output
    assert "Nothing waits for an answer." in listed

"""The host's own flight records on its command line."""

from pathlib import Path

import pytest

from dialback.agent.flights import Flights, Taken
from dialback.agent.identity_file import Enrolled, Identity, save_identity
from dialback.domain.flight import SignedHead, build
from dialback.domain.ids import HostId
from tests.cli.conftest import HOSTILE, Terminal, assert_harmless, sentence
from tests.identity.test_flights import HOST, PLATFORM, chain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "agent"
    folder.mkdir()
    save_identity(folder, Identity(Enrolled("gw.example.org:443", HostId("h1"), "desk"), HOST, "pem"))
    return folder


def fly(folder: Path, count: int = 5, purpose: str = "printer") -> Flights:
    flights = Flights(folder, HOST)
    taken = flights.take("c1", [build(entry) for entry in chain(count, purpose)])
    assert isinstance(taken, Taken)
    signature = PLATFORM.sign(taken.head.signed_bytes)
    assert flights.seal(SignedHead(taken.head, taken.signature, signature), PLATFORM.public_bytes) == ""
    return flights


def test_host_without_visitors_says_so(terminal: Terminal, folder: Path) -> None:
    assert "Nobody came to this host" in terminal.run("agent", "audit", "--folder", folder).stdout


def test_visitors_are_listed_with_what_their_records_prove(terminal: Terminal, folder: Path) -> None:
    fly(folder, purpose=HOSTILE)
    text = terminal.run("agent", "audit", "--folder", folder).stdout
    assert_harmless(text)
    assert "proven" in text.splitlines()[1]


def test_one_record_is_shown_and_proven(terminal: Terminal, folder: Path) -> None:
    fly(folder)
    result = terminal.run("agent", "audit", "c1", "--folder", folder)
    assert result.exit_code == 0
    assert "all 5 entries are signed by the host's agent and by the platform" in result.stdout
    assert "Certificate: not proven" in result.stdout
    assert PLATFORM.public_bytes.hex() in result.stdout


def test_record_without_its_end_has_a_status_of_its_own(terminal: Terminal, folder: Path) -> None:
    fly(folder, 3)
    assert terminal.run("agent", "audit", "c1", "--folder", folder).exit_code == 3


def test_copy_is_exported_as_it_is(terminal: Terminal, folder: Path) -> None:
    flights = fly(folder)
    assert terminal.run("agent", "audit", "c1", "--export", "--folder", folder).stdout == flights.text("c1")


def test_tampering_is_one_sentence_and_stands_in_the_list(terminal: Terminal, folder: Path) -> None:
    flights = fly(folder)
    path = folder / "flights" / "c1.jsonl"
    path.write_text(flights.text("c1").replace("printer", "another", 1))
    assert "entry 1 does not follow" in sentence(terminal.run("agent", "audit", "c1", "--folder", folder))
    assert "TAMPERED WITH: entry 1" in terminal.run("agent", "audit", "--folder", folder).stdout


def test_record_that_is_not_there_is_one_sentence(terminal: Terminal, folder: Path) -> None:
    said = sentence(terminal.run("agent", "audit", "lost", "--folder", folder))
    assert "no flight record of connection 'lost'" in said

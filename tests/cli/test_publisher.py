"""`dialback publisher`: thumbprints for people, programs and registries."""

import json
from pathlib import Path

from dialback.app.files import platform_key
from dialback.identity.publisher import POLICY, registry_file
from tests.cli.conftest import Terminal, sentence
from tests.cli.remote import ACME, Served


def test_publisher_shows_both_thumbprints(filled: Terminal) -> None:
    platform_key(filled.folder)
    shown = filled.json("publisher")
    assert (len(shown["thumbprint_sha1"]), len(shown["thumbprint_sha256"])) == (40, 64)
    printed = filled.good("publisher")
    assert shown["thumbprint_sha1"] in printed
    assert shown["thumbprint_sha256"] in printed
    assert len(shown["platform_key"]) == 64
    assert shown["platform_key"] in printed


def test_registry_file_lists_the_sha1_thumbprint(filled: Terminal) -> None:
    sha1 = filled.json("publisher")["thumbprint_sha1"]
    assert filled.good("publisher", "--reg") == registry_file(sha1) + "\n"
    assert POLICY in registry_file(sha1)


def test_key_of_flight_records_that_is_not_made_yet_is_said_to_be_so(filled: Terminal) -> None:
    assert filled.json("publisher")["platform_key"] == ""
    assert "none yet" in filled.good("publisher")


def test_publisher_of_a_folder_that_is_none_is_said_to_be_missing(terminal: Terminal, tmp_path: Path) -> None:
    for words in ((), ("--renew",)):
        said = sentence(terminal.run("publisher", *words, "--data", tmp_path / "none"))
        assert "There is no data folder" in said


def test_certificate_that_cannot_be_read_is_named(terminal: Terminal) -> None:
    terminal.folder.joinpath("signing.pem").write_text("no certificate")

    assert "signing.pem" in terminal.bad("publisher")


def test_owner_who_is_signed_in_reads_it_and_renews_nothing(terminal: Terminal, remote: Served) -> None:
    here = terminal.json("publisher")["thumbprint_sha1"]
    remote.sign_in("olga", ACME)

    assert json.loads(terminal.run("publisher", "--json").stdout)["thumbprint_sha1"] == here
    assert here in terminal.run("publisher").stdout
    assert terminal.run("publisher", "--reg").stdout == registry_file(here) + "\n"
    assert "takes the server's data folder" in sentence(terminal.run("publisher", "--renew"))

    remote.sign_in("anne")
    assert "Your role" in sentence(terminal.run("publisher"))
    assert terminal.json("publisher")["thumbprint_sha1"] == here


def test_renewing_shows_both_thumbprints_and_what_to_do(filled: Terminal) -> None:
    before = filled.json("publisher")
    printed = filled.good("publisher", "--renew")
    after = filled.json("publisher")
    assert after["thumbprint_sha1"] != before["thumbprint_sha1"]
    assert after["subject"] == before["subject"]
    for shown in (before, after):
        assert shown["thumbprint_sha1"] in printed
        assert shown["thumbprint_sha256"] in printed
    assert "trusted publishers" in printed
    (entry,) = filled.json("audit", "list", "--action", "publisher.")
    assert (entry["action"], entry["subject"]) == (
        "publisher.renew",
        f"certificate:{after['thumbprint_sha1']}",
    )


def test_renewing_tells_programs_both_thumbprints(filled: Terminal) -> None:
    before = filled.json("publisher")["thumbprint_sha1"]
    told = filled.json("publisher", "--renew")
    assert told["before"]["thumbprint_sha1"] == before
    assert told["now"]["thumbprint_sha1"] == filled.json("publisher")["thumbprint_sha1"]

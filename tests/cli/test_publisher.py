"""`dialback publisher`: thumbprints for people, programs and registries."""

from dialback.identity.publisher import POLICY, registry_file
from tests.cli.conftest import Terminal


def test_publisher_shows_both_thumbprints(filled: Terminal) -> None:
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


def test_publisher_of_a_folder_that_is_none_is_said_to_be_missing(terminal: Terminal, tmp_path) -> None:
    assert "There is no data folder" in terminal.run("publisher", "--data", tmp_path / "none").stderr


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

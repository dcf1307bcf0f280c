"""A place decides what a program sees: here, other names."""

from pathlib import Path

import pytest

from lab.place import here, knowing
from lab.process import run


def test_here_changes_no_command() -> None:
    assert here(["id", "-u"]) == ["id", "-u"]


@pytest.mark.interop
def test_a_place_knows_other_names_than_the_machine(tmp_path: Path) -> None:
    before = Path("/etc/hosts").read_bytes()
    hosts = tmp_path / "hosts"
    hosts.write_text("198.18.0.1 gateway.lab.test\n")
    seen = run(knowing(hosts)(["getent", "hosts", "gateway.lab.test"]))
    assert seen.split() == ["198.18.0.1", "gateway.lab.test"]
    assert Path("/etc/hosts").read_bytes() == before

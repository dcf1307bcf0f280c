from pathlib import Path

import pytest

from dialback.cli.agent_folder import default_folder


def test_folder_of_root_is_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert default_folder() == Path("/var/lib/dialback-agent")


def test_folder_of_anybody_else_is_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert default_folder() == tmp_path / ".config" / "dialback-agent"

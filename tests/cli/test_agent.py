from pathlib import Path

import pytest

from dialback.cli import agent
from dialback.cli.agent import AGAIN_STATUS, default_folder
from dialback.wire.agent import joincode
from tests.cli.conftest import Terminal, sentence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


def code_for(port: int) -> str:
    return joincode.build(joincode.JoinCode(f"127.0.0.1:{port}", "ab" * 32, "s3cret"))


@pytest.mark.parametrize("code", ["nonsense", "dialback1.AAAA", "\x1b[2J", "dialback1." + "x" * 2000])
def test_code_that_is_none_is_one_sentence(terminal: Terminal, folder: Path, code: str) -> None:
    said = sentence(terminal.run("agent", "join", code, "--folder", folder))

    assert "the join code cannot be used" in said
    assert not folder.exists()


def test_server_that_is_away_is_one_sentence(terminal: Terminal, folder: Path, port: int) -> None:
    said = sentence(terminal.run("agent", "join", code_for(port), "--folder", folder))

    assert f"127.0.0.1:{port} cannot be reached" in said
    assert not folder.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "nowhere"), "'targets' cannot be used"),
        (("--proxy", "ftp://x"), "'proxy' cannot be used"),
        (("--folder", "/dev/null/x"), "/dev/null/x"),
    ],
)
def test_option_that_cannot_be_used_is_one_sentence(
    terminal: Terminal, folder: Path, port: int, words: tuple[str, ...], said: str
) -> None:
    more = () if "--folder" in words else ("--folder", folder)

    assert said in sentence(terminal.run("agent", "join", code_for(port), *words, *more))


def test_agent_that_is_not_enrolled_is_told_to_join(terminal: Terminal, folder: Path) -> None:
    assert "dialback agent join" in sentence(terminal.run("agent", "run", "--folder", folder))


def test_log_level_that_is_none_is_an_error_of_use(terminal: Terminal, folder: Path) -> None:
    assert terminal.run("agent", "run", "--folder", folder, "--log-level", "loud").exit_code == 2


def test_default_folder_is_the_systems_or_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_folder() == Path("/var/lib/dialback-agent")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_folder() == Path.home() / ".config" / "dialback-agent"


@pytest.mark.parametrize(("again", "status"), [(True, AGAIN_STATUS), (False, 0)])
def test_status_tells_whether_the_agent_is_to_be_started_again(
    terminal: Terminal, folder: Path, monkeypatch: pytest.MonkeyPatch, again: bool, status: int
) -> None:
    async def run(folder: Path) -> bool:
        return again

    monkeypatch.setattr(agent, "run_agent", run)
    assert terminal.run("agent", "run", "--folder", folder).exit_code == status

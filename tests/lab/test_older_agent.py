"""The agent of another build differs from today's in what it says it is, and has every command of it."""

from pathlib import Path

from dialback import __version__
from dialback.cli import agent
from dialback.wire.agent.version import choose_version
from dialback.wire.management.version import SUPPORTED
from lab.older_agent import OLDER, PROGRAM
from lab.process import run


def test_it_is_older_and_has_no_version_in_common_with_todays_consoles() -> None:
    assert choose_version(OLDER.management, SUPPORTED) is None
    assert OLDER.management.highest < SUPPORTED.lowest
    assert OLDER.version != __version__


def test_what_it_replaces_is_what_the_command_uses() -> None:
    assert callable(agent.run_agent)


def test_it_has_the_commands_of_today_and_runs_from_any_folder(tmp_path: Path) -> None:
    assert "consent" in run(["env", "--chdir", tmp_path, *PROGRAM, "agent", "--help"])

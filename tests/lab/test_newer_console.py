"""The console of another build differs from today's in its version, and has every command of it."""

import sys
from pathlib import Path

from dialback.cli import manage
from dialback.wire.agent.version import choose_version
from dialback.wire.management.version import SUPPORTED
from lab.newer_console import VERSIONS
from lab.process import run


def test_it_has_no_version_in_common_with_todays_agents() -> None:
    assert choose_version(VERSIONS, SUPPORTED) is None


def test_what_it_replaces_is_what_the_command_uses() -> None:
    assert callable(manage.managing)


def test_it_has_the_commands_of_today(tmp_path: Path) -> None:
    assert "facts|log|" in run([sys.executable, "-m", "lab.newer_console", "manage", "--help"]).replace(
        " ", ""
    )

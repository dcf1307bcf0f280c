import subprocess
import sys

import pytest
from typer.testing import CliRunner

from dialback import __version__
from dialback.cli.main import COMMANDS, make_app


def run(*words: str) -> str:
    result = CliRunner().invoke(make_app(words), list(words))
    assert result.exit_code in (0, 2), result.output
    return result.output


def test_version_is_printed() -> None:
    assert run("--version") == f"{__version__}\n"


def test_every_command_is_listed() -> None:
    text = run("--help")

    assert [name for name in COMMANDS if name not in text] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help(command: str) -> None:
    assert "Usage" in run(command, "--help")


def test_unknown_command_is_an_error_of_use() -> None:
    assert CliRunner().invoke(make_app(["nonsense"]), ["nonsense"]).exit_code == 2


def test_agent_does_not_load_the_servers_libraries() -> None:
    code = (
        "import sys; from dialback.cli.main import make_app; make_app(['agent'])\n"
        "print([name for name in ('sqlalchemy', 'fastapi', 'alembic') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_entry_point_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from dialback.cli.main import main; main()", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{__version__}\n"

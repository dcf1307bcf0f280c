import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from dialback.agent.commands import CommandFailed, run_command


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def shell(script: str) -> str:
    """Return a command that has done its part at once, where Python may take long to begin."""
    return shlex.join(["/bin/sh", "-c", script])


def test_last_words_are_returned() -> None:
    assert run_command(python("print('one'); print('two')"), 30) == "one two"


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    said = run_command(
        f"{shlex.quote(sys.executable)} -c 'import sys; print(sys.argv[1:])' ; touch {mark}", 30
    )
    assert said == f"[';', 'touch', '{mark}']"
    assert not mark.exists()


def test_failure_says_status_and_last_words() -> None:
    with pytest.raises(CommandFailed, match=r"ended with status 3: .*x{200}$"):
        run_command(python("import sys; print('x' * 9000, file=sys.stderr); sys.exit(3)"), 30)


def test_program_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandFailed, match=r"/nowhere/at-all cannot be started: No such file"):
        run_command("/nowhere/at-all now", 30)


def test_command_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    with pytest.raises(CommandFailed, match="was not done within 3 s and was ended"):
        run_command(shell(f"sleep 60 & echo $! > {child}; wait"), 3)
    deadline = time.monotonic() + 10
    while _runs(int(child.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_command_that_may_stay_is_left_alone(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = shell(f"echo $$ > {pid}; exec sleep 60")
    assert run_command(command, 2, leave=True) == "it was started and still runs"
    os.kill(int(pid.read_text()), 9)

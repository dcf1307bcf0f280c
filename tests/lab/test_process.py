"""Programs are started, waited for and ended by id, with their log in what goes wrong."""

import os
import time
from pathlib import Path

import pytest

from lab.process import Failed, Process, run, wait_for


def shell(folder: Path, script: str) -> Process:
    return Process.start("shell", ["sh", "-c", script], folder / "log")


def test_waiting_ends_when_the_predicate_holds(tmp_path: Path) -> None:
    with shell(tmp_path, "echo ready; exec sleep 60") as process:
        process.wait_until(lambda: "ready" in process.log_tail(), "greeting")
        assert process.returncode is None


def test_waiting_for_a_program_that_ends_shows_its_log(tmp_path: Path) -> None:
    with (
        shell(tmp_path, "echo no key; exit 3") as process,
        pytest.raises(Failed, match=r"(?s)with 3 .*no key"),
    ):
        process.wait_until(lambda: False, "port")


def test_waiting_for_a_silent_program_ends_at_the_deadline(tmp_path: Path) -> None:
    with shell(tmp_path, "exec sleep 60") as process, pytest.raises(Failed, match="no port within"):
        process.wait_until(lambda: False, "port", 0.05)


def test_stopping_ends_the_whole_group(tmp_path: Path) -> None:
    with shell(tmp_path, "sleep 60 & echo ready; wait") as process:
        process.wait_until(lambda: "ready" in process.log_tail(), "greeting")
        group = process.pid
    assert process.returncode == -15
    # The child is not ours to reap; it is gone once its new parent has done so.
    assert wait_for(lambda: not group_exists(group))


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_program_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    process = shell(tmp_path, "trap '' TERM; echo ready; while :; do sleep 60; done")
    process.wait_until(lambda: "ready" in process.log_tail(), "greeting")
    assert process.stop(grace_s=0.1) == -9


def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    process = shell(tmp_path, "exit 4")
    assert process.wait() == 4
    assert process.stop() == 4


def test_a_failing_command_raises_what_it_complained() -> None:
    with pytest.raises(Failed, match="ended with 2\nno such thing"):
        run(["sh", "-c", "echo no such thing >&2; exit 2"])


def test_another_status_may_be_the_one_that_is_expected() -> None:
    assert run(["sh", "-c", "echo two; exit 2"], status=2) == "two\n"
    with pytest.raises(Failed, match="ended with 0"):
        run(["true"], status=2)


def test_waiting_gives_up_after_its_deadline() -> None:
    started = time.monotonic()
    assert not wait_for(lambda: False, 0.05)
    assert time.monotonic() - started >= 0.05

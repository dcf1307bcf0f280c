"""Commands that the host's settings name: started without a shell, watched for a while, last words kept.

Nothing of what a console sends reaches a command. A command that is not done in time is either ended with all
it has started, or left alone, as the caller says; when nobody waits for it any more, it goes on: half a
restart is worse than one that nobody sees.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading

LAST_WORDS_BYTES = 2000


class CommandFailed(Exception):
    """The command did not do its work; the message is one sentence that says why."""


def run_command(command: str, wait_s: float, *, leave: bool = False) -> str:
    """Run a command; return the last it printed. Blocks for `wait_s` at most.

    Args:
        leave: leave it running after that time, which then counts as done.

    Raises:
        CommandFailed: it cannot be started, failed, or took too long.
    """
    words = shlex.split(command)
    with tempfile.TemporaryFile() as printed:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=sys.platform != "win32",
            )
        except OSError as error:
            raise CommandFailed(f"{words[0]} cannot be started: {error.strerror or error}") from error
        try:
            status = process.wait(wait_s)
        except subprocess.TimeoutExpired:
            if leave:
                # Somebody has to hear of its end, or it stays in the table of processes.
                threading.Thread(target=process.wait, name=f"wait {process.pid}", daemon=True).start()
                return "it was started and still runs"
            _end(process)
            raise CommandFailed(f"{words[0]} was not done within {wait_s:g} s and was ended") from None
        said = _last_words(printed.fileno())
    if status:
        raise CommandFailed(f"{words[0]} ended with status {status}: {said or 'it said nothing'}")
    return said


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_words(file: int) -> str:
    size = os.fstat(file).st_size
    os.lseek(file, max(0, size - LAST_WORDS_BYTES), os.SEEK_SET)
    return " ".join(os.read(file, LAST_WORDS_BYTES).decode("utf-8", "replace").split())[-300:]

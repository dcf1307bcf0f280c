"""The processes a benchmark starts: spoken to in JSON lines, looked at through /proc, ended by their id.

A peer reads its configuration as the first line of its standard input, answers with one line for each step
and ends when its input does. Programs that are not peers are started alike and never spoken to.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

LINE_BYTES = 4 * 1024 * 1024
STOP_S = 15
LOOK_S = 1.5
LOOKS = 20
RESTING_BYTES = 128 * 1024
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ChildFailed(Exception):
    """A process ended or stayed silent when it should have answered; the text holds the end of its log."""


class Child:
    """One started process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self._name = name
        self._process = process
        self._log = log
        self.first: Any = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    def say(self, message: Any) -> None:
        """Send one JSON line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def answer(self, timeout_s: float) -> Any:
        """Return the next JSON line it prints; raise `ChildFailed` if none comes in time."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise self.failed(f"said nothing within {timeout_s:g} s") from None
        if not line:
            raise self.failed("ended")
        return json.loads(line)

    def failed(self, what: str) -> ChildFailed:
        """Return the error that says what went wrong, with the end of the log."""
        lines = self._log.read_text(errors="replace").splitlines()[-20:]
        return ChildFailed("\n".join([f"{self._name} {what}", *lines]))

    async def stop(self) -> None:
        """End its input and ask it to end; kill it if it does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.running:
                return
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()


@asynccontextmanager
async def started(name: str, command: Sequence[str | Path], folder: Path) -> AsyncIterator[Child]:
    """Run a program while the context lasts; what it prints on standard error goes into a log in `folder`."""
    log = folder / f"{name}.log"
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            limit=LINE_BYTES,
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        await child.stop()


@asynccontextmanager
async def peer(module: str, config: Any, folder: Path, timeout_s: float = 60) -> AsyncIterator[Child]:
    """Run a peer of this package, configured, while the context lasts; its first answer was read already."""
    async with started(module, [sys.executable, "-m", f"bench.{module}"], folder) as child:
        child.say(config)
        child.first = await child.answer(timeout_s)
        yield child


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, all its threads, user and system; counted in ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def resident_bytes(pid: int) -> int:
    """Return the memory of a process that is resident now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


async def settled_bytes(pid: int) -> int:
    """Return the resident memory of a process that has come to rest: it has stopped growing.

    A server with links is never idle, since it keeps asking hosts to dial back.
    """
    newest = [resident_bytes(pid)]
    for _ in range(LOOKS):
        await asyncio.sleep(LOOK_S)
        newest = [*newest[-2:], resident_bytes(pid)]
        if len(newest) == 3 and max(newest) - min(newest) <= RESTING_BYTES:
            break
    return newest[-1]

"""The console's part: redirectors, each on its own loopback address, with legs to a real gateway.

Opens as many more as each line says, for the client whose process id it names, and answers with their places
and how long opening took. The client is another peer, so what a redirector holds and costs is this process's.
"""

import asyncio
import contextlib
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.node import ADDRESS
from dialback.console.addresses import open_listener
from dialback.console.legs import Gateway, open_leg
from dialback.console.owners import is_ours
from dialback.console.redirector import Redirector
from dialback.domain.ids import HostId
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from dialback.observe.tasks import Tasks
from dialback.relay.join import Relay
from dialback.transport.leg import Leg
from dialback.transport.tls import client_context


class Started:
    """An RDP client that somebody else started, as far as a redirector looks at it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """Return when it was asked to end."""
        await self._ended.wait()
        self.returncode = 0
        return 0

    def terminate(self) -> None:
        """Ask it to end."""
        self._ended.set()


class Console:
    """Opens redirectors, and keeps them until the end."""

    def __init__(self, config: dict[str, Any], tasks: Tasks) -> None:
        self._gateway = Gateway(ADDRESS, config["port"], client_context(Path(config["ca"]).read_text()))
        self._alias: str = config["alias"]
        self._token = Secret(config["token"])
        self._tasks = tasks
        self._relay = Relay()
        self._hosts = itertools.count()

    def open(self, pid: int) -> tuple[str, int]:
        """Open the next host's redirector for a client; return its place."""
        name = f"host{next(self._hosts)}"
        listener = open_listener(MAIN, HostId(name))
        redirector = Redirector(name, listener, self._open_leg, is_ours, self._relay)
        client = cast(asyncio.subprocess.Process, Started(pid))
        self._tasks.start(f"redirector {name}", redirector.serve(client))
        return redirector.place

    async def _open_leg(self) -> Leg:
        return await open_leg(self._gateway, self._alias, self._token)


async def main() -> None:
    """Open what each line says until standard input ends."""
    config = json.loads(sys.stdin.buffer.readline())
    loop, tasks = asyncio.get_running_loop(), Tasks()
    console = Console(config, tasks)
    print(json.dumps("ready"), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        asked = json.loads(line)
        begun_at = time.perf_counter()
        places = [console.open(asked["pid"]) for _ in range(asked["count"])]
        print(json.dumps({"places": places, "s": time.perf_counter() - begun_at}), flush=True)
    await tasks.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main())

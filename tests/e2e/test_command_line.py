"""The first day of an administrator, by the command line alone; server and agent are other processes."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dialback.domain.errors import SENTENCES, Reason
from dialback.transport.tls import client_context
from dialback.wire import rdpfile
from dialback.wire.agent import joincode
from dialback.wire.tsgu.client import TunnelRefused
from lab.ports import free_port
from tests.e2e.stage import Client, Desktop, Wire, until

pytestmark = pytest.mark.e2e
COMMAND = [sys.executable, "-c", "from dialback.cli.main import main; main()"]
STARTING_S = 60
"""A command line that starts as a process of its own takes long on a machine that is busy."""


class Shell:
    """Runs `dialback` commands on one data folder and one agent folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    async def run(self, *words: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, *self._whole(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def good(self, *words: str) -> str:
        status, out, err = await self.run(*words)
        assert status == 0, err
        return out

    @contextlib.asynccontextmanager
    async def background(self, line: str, *words: str) -> AsyncIterator[None]:
        """Run a command while the block does, from when it has logged the line on."""
        log = self.folder / f"{words[0]}.log"
        with log.open("w") as stream:
            process = subprocess.Popen([*COMMAND, *self._whole(words)], stdout=stream, stderr=stream)

        async def logged() -> bool:
            assert process.poll() is None, log.read_text()
            return line in log.read_text()

        try:
            await until(logged, STARTING_S)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        assert process.returncode == 0, log.read_text()
        assert "Traceback" not in log.read_text()

    def _whole(self, words: tuple[str, ...]) -> list[str]:
        where = (
            ["--folder", str(self.folder / "agent")] if words[0] == "agent" else ["--data", str(self.data)]
        )
        return [*words, *where]


@contextlib.asynccontextmanager
async def connected(shell: Shell, port: int) -> AsyncIterator[Client]:
    """Connect as the user of the connection file does."""
    text = rdpfile.decode((shell.folder / "office.rdp").read_bytes())
    settings = {each.name: str(each.value) for each in rdpfile.parse(text)}
    context = client_context((shell.data / "ca.pem").read_text())
    wire = await Wire.open(port, context)
    try:
        yield await Client.connect(wire, settings["gatewayaccesstoken"], settings["full address"])
    finally:
        await wire.close()


async def test_first_day_of_an_administrator(tmp_path: Path) -> None:
    port, desktop, shell = free_port(), Desktop(), Shell(tmp_path)
    address = f"127.0.0.1:{port}"
    await desktop.start()

    async with shell.background("listening", "serve", "--listen", address, "--address", address):
        code = (await shell.good("host", "code", "desk")).strip()

        wrong = joincode.parse(code)
        forged = joincode.build(joincode.JoinCode(wrong.server, "ab" * 32, wrong.secret))
        status, _, said = await shell.run("agent", "join", forged)
        assert status == 1
        assert "somebody may be in between" in said
        assert len(said.splitlines()) == 1

        assert "Enrolled as desk" in await shell.good("agent", "join", code, "--target", desktop.target)
        status, _, said = await shell.run("agent", "join", code, "--replace")
        assert (status, said) == (1, f"error: {SENTENCES[Reason.JOIN_CODE_USED]}\n")

        await shell.good("resource", "add", "office", "--host", "desk", "--target", desktop.target)
        status, _, said = await shell.run("connect-file", "office", "--user", "anne")
        assert status == 1
        assert "dialback resource assign" in said
        await shell.good("resource", "assign", "office", "--user", "anne")
        await shell.good("connect-file", "office", "--user", "anne")

        async with shell.background("agent link up", "agent", "run"):
            async with connected(shell, port) as client:
                assert await client.echoes(b"hello")
                assert json.loads(await shell.good("connection", "list", "--json"))[0]["reason"] is None
                await client.end()

            await shell.good("revoke-file", "office.rdp")
            with pytest.raises(TunnelRefused):
                async with connected(shell, port):
                    pass

            async def recorded() -> bool:
                records = json.loads(await shell.good("connection", "list", "--json"))
                return [record["reason"] for record in records] == ["token-revoked", "client-ended"]

            await until(recorded, STARTING_S)
            await shell.good("host", "remove", "desk")
        assert json.loads(await shell.good("host", "list", "--json")) == []
    desktop.stop()

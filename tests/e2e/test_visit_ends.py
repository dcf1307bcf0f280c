"""A visit that is cut in mid-session: the technician reads why, in the terminal and in the window."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialback.cli.console import reached
from dialback.console.saved import Saved
from dialback.console.window.engine import Engine
from dialback.console.window.events import Event, Visit
from dialback.console.window.platform import Order, Place
from dialback.domain.errors import SENTENCES, Reason
from dialback.domain.provider import PROVIDER, Terms
from dialback.domain.tenancy import MAIN
from dialback.observe.tasks import Tasks
from tests.e2e.console import Console
from tests.e2e.stage import Stage, until, without_proxies
from tests.e2e.visitor import TOM, Visitor, table

pytestmark = pytest.mark.e2e
STARTING_S = 60
"""A command line that starts as a process of its own takes long on a machine that is busy."""
COMMAND = [sys.executable, "-c", "from dialback.cli.main import main; main()"]


@pytest.fixture
async def visitor(stage: Stage) -> Visitor:
    visitor = Visitor(stage)
    await visitor.begin(table(mode="always"))
    return visitor


async def relayed(visitor: Visitor) -> None:
    """Wait until a client's own connection is open, the look at the certificate being over."""

    async def is_relayed() -> bool:
        records = await visitor.stage.all_records()
        return len(records) == 2 and records[0].reason is None and visitor.stage.desktop.sessions == 1

    await until(is_relayed, STARTING_S)


async def test_technician_at_the_command_line_reads_why(visitor: Visitor, tmp_path: Path) -> None:
    console = Console(visitor.stage, tmp_path)
    login, program, ca = await console.login(), console.program, tmp_path / "ca.pem"
    ca.write_text(login.ca_pem)
    client = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("connect", f"{MAIN}/{await visitor.host()}", "--purpose", "the printer", "--port", "0"),
        *("--server", login.server, "--token", login.token, "--ca", str(ca)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **without_proxies(),
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "PATH": f"{Path(program.path).parent}{os.pathsep}{os.environ['PATH']}",
        },
    )
    try:
        await relayed(visitor)
        await visitor.provider.save_terms(Terms(MAIN, suspended_at=datetime.now(UTC)))
        async with asyncio.timeout(30):
            out, complaint = await client.communicate()
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    assert client.returncode == 1
    assert SENTENCES[Reason.TENANT_SUSPENDED] in complaint.decode()
    assert "status 131" not in out.decode() + complaint.decode()
    await let_go(visitor)


async def let_go(visitor: Visitor) -> None:
    """Wait until the desktop has no session left: it hears of the end on another way than the client."""

    async def no_session() -> bool:
        return visitor.stage.desktop.sessions == 0

    await until(no_session)


async def suspended(visitor: Visitor) -> None:
    await visitor.provider.save_terms(Terms(MAIN, suspended_at=datetime.now(UTC)))


async def removed(visitor: Visitor) -> None:
    """Take the technician off the staff, and end their sign-in with it."""
    await visitor.provider.remove_staff(TOM)
    await visitor.stage.store.accounts.end_sign_ins_of(PROVIDER, TOM)


@pytest.mark.parametrize(
    ("take_away", "reason"), [(suspended, Reason.TENANT_SUSPENDED), (removed, Reason.STAFF_NOT_ASSIGNED)]
)
async def test_technician_at_the_window_reads_why(
    visitor: Visitor, tmp_path: Path, take_away: Callable[[Visitor], Awaitable[None]], reason: Reason
) -> None:
    console, told = Console(visitor.stage, tmp_path), list[Event]()
    login, program = await console.login(), console.program
    engine = Engine(
        lambda: reached(login), lambda: program, Saved(tmp_path / "saved"), told.append, port=0, refresh_s=60
    )
    tasks = Tasks()
    tasks.start("engine", engine.run())
    try:
        engine.connect(Order(Place(MAIN, await visitor.host(), "main/desk"), "the printer"))
        await relayed(visitor)
        await take_away(visitor)

        async def has_ended() -> bool:
            return any(isinstance(event, Visit) and event.has_ended for event in told)

        await until(has_ended)
    finally:
        await tasks.close()
    ended = next(event for event in told if isinstance(event, Visit) and event.has_ended)
    assert ended.problem.startswith(SENTENCES[reason])
    await let_go(visitor)

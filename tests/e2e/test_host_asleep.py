"""A technician asks for a host that sleeps, or whose agent froze: what they are told, and what wakes it."""

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from dialback.broker.settings import BrokerSettings
from dialback.domain.pools import HostPool, StartOnConnect, WakeMethod
from dialback.domain.sessions import Stage as Step
from dialback.domain.tenancy import MAIN
from tests.e2e.stage import Stage, until, without_proxies
from tests.e2e.visitor import Visitor, Way, table

pytestmark = pytest.mark.e2e
STARTING_S = 60
"""An agent that starts as a process of its own takes long on a machine that is busy."""
COMMAND = [sys.executable, "-c", "from dialback.cli.main import main; main()"]
SEEN = r"last (seen|heard of) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    return Visitor(stage)


@contextlib.asynccontextmanager
async def frozen(stage: Stage) -> AsyncIterator[None]:
    """Run the agent as a process of its own, and stop it in its tracks once its link is up."""
    await stage.stop_agent()
    await until(stage.link_is_down)
    log = (stage.folder / "agent.log").open("w")
    words = ("agent", "run", "--folder", str(stage.agent_folder))
    with log, subprocess.Popen([*COMMAND, *words], stdout=log, stderr=log, env=without_proxies()) as agent:
        try:
            await until(stage.link_is_up, STARTING_S)
            agent.send_signal(signal.SIGSTOP)
            yield
        finally:
            agent.kill()


async def refused(visitor: Visitor) -> Way:
    """Connect; return the way that was refused, with nothing left running at the platform."""
    way = await visitor.connect(await visitor.ask())
    assert way.wire is None
    assert (await visitor.stage.records())[0].reason == way.refusal["reason"]
    return way


async def test_host_without_a_link_is_named_with_when_it_was_last_seen(visitor: Visitor) -> None:
    await visitor.begin(table(mode="always"))
    await visitor.stage.stop_agent()
    await until(visitor.stage.link_is_down)
    way = await refused(visitor)
    assert way.refusal["reason"] == "host-offline"
    assert re.fullmatch("desk, " + SEEN, way.refusal["detail"])


async def test_agent_that_froze_is_named_before_its_link_is_given_up(visitor: Visitor) -> None:
    visitor.stage.broker = BrokerSettings(dial_deadline_s=1)
    await visitor.begin(table(mode="always"))
    async with frozen(visitor.stage):
        way = await refused(visitor)
    assert way.refusal["reason"] == "agent-silent"
    assert re.fullmatch("no answer within 1 s, " + SEEN, way.refusal["detail"])


async def test_agent_that_froze_is_noticed_by_its_silence(visitor: Visitor) -> None:
    visitor.stage.broker = BrokerSettings(heartbeat_s=1)
    await visitor.begin(table(mode="always"))
    async with frozen(visitor.stage):
        await until(visitor.stage.link_is_down)
        way = await refused(visitor)
    assert way.refusal["reason"] == "host-offline"
    assert re.fullmatch("desk, " + SEEN, way.refusal["detail"])


async def test_host_that_sleeps_is_woken_while_the_technician_is_parked(visitor: Visitor) -> None:
    stage = visitor.stage
    await visitor.begin(table(mode="always"))
    await stage.stop_agent()
    await until(stage.link_is_down)
    mark, directory = stage.folder / "woken", stage.store.directory
    member = await directory.pool_host(MAIN, await visitor.host())
    assert member is not None
    pool = await directory.get(HostPool, MAIN, member.pool)
    assert pool is not None
    hook = StartOnConnect(WakeMethod.COMMAND, f"touch {mark}", 60)
    await directory.save(replace(pool, start_on_connect=hook))

    connecting = visitor.connecting(way := await visitor.ask())

    async def woken() -> bool:
        return mark.exists()

    await until(woken)
    assert not connecting.done()
    await stage.start_agent()
    await connecting
    assert await way.echoes(b"hello")
    record = await stage.open_record()
    assert record.timeline[Step.WAKE] > 0

"""The provider's way: redirectors in a technician's console, the gateway, and the agent of a tenant's host.

Hundreds of redirectors reach a scripted agent, each from its own loopback address with a connection that
stands. Delay and CPU are those of one redirector with a real agent in front of a local server: a round trip
through all three against one over TCP to the same server, taken in turns.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from bench.children import Child, cpu_seconds, peer, settled_bytes, started
from bench.node import ADDRESS, dialback, serving
from bench.rows import Row, row

FIRST = 10
REDIRECTORS = 250
ROUNDS = 1000
BULK_BYTES = 1_000_000_000
STEP_S = 120
SPAN_PERCENT = 5


async def console_rows(folder: Path, turns: int) -> list[Row]:
    """Return what redirectors hold, and what the way through one adds and costs."""
    return [*await _many_rows(folder, turns), *await _way_rows(folder, turns)]


async def _many_rows(folder: Path, turns: int) -> list[Row]:
    kib, seconds = [], []
    for turn in range(turns):
        async with AsyncExitStack() as stack:
            node = await stack.enter_async_context(serving(folder, f"redirectors{turn}"))
            await stack.enter_async_context(peer("host_peer", {"hosts": [str(node.hosts[0])]}, folder))
            console = await stack.enter_async_context(peer("redirect_peer", node.client(0), folder))
            client = await stack.enter_async_context(peer("rdp_peer", None, folder))
            await _open(console, client, FIRST)
            before = await settled_bytes(console.pid)
            seconds.append(await _open(console, client, REDIRECTORS))
            kib.append((await settled_bytes(console.pid) - before) / REDIRECTORS / 1024)
    return [
        row("memory, redirector with a connection", "KiB", kib),
        row(f"{REDIRECTORS} redirectors opened and connected", "s", seconds),
    ]


async def _open(console: Child, client: Child, count: int) -> float:
    """Open redirectors and connect to all; return in how many seconds."""
    console.say({"count": count, "pid": client.pid})
    opened = await console.answer(STEP_S)
    client.say({"do": "connect", "places": opened["places"]})
    connected_s: float = await client.answer(STEP_S)
    opened_s: float = opened["s"]
    return opened_s + connected_s


@dataclass
class _Way:
    """What the way through redirector, gateway and agent added and cost in each turn."""

    p50_ms: list[float] = field(default_factory=list)
    p95_ms: list[float] = field(default_factory=list)
    redirector_s: list[float] = field(default_factory=list)
    agent_s: list[float] = field(default_factory=list)


async def _way_rows(folder: Path, turns: int) -> list[Row]:
    way = _Way()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(peer("host_peer", {"plain": True}, folder))
        port = server.first["plain"]
        node = await stack.enter_async_context(serving(folder, "way", target=f"{ADDRESS}:{port}"))
        agent = await stack.enter_async_context(
            started("agent", dialback("agent", "run", "--folder", node.hosts[0]), folder)
        )
        await node.host_up()
        console = await stack.enter_async_context(peer("redirect_peer", node.client(0), folder))
        client = await stack.enter_async_context(peer("rdp_peer", None, folder))
        console.say({"count": 1, "pid": client.pid})
        [through] = (await console.answer(STEP_S))["places"]
        for turn in range(turns + 1):
            direct = await _rounds_ms(client, (ADDRESS, port))
            added = [a - b for a, b in zip(await _rounds_ms(client, through), direct, strict=True)]
            before = cpu_seconds(console.pid), cpu_seconds(agent.pid)
            client.say({"do": "push", "place": through, "size_bytes": BULK_BYTES})
            await client.answer(STEP_S)
            if turn:  # the first turn warms up
                way.p50_ms.append(added[0])
                way.p95_ms.append(added[1])
                way.redirector_s.append((cpu_seconds(console.pid) - before[0]) / BULK_BYTES * 1e9)
                way.agent_s.append((cpu_seconds(agent.pid) - before[1]) / BULK_BYTES * 1e9)
    return [
        row("redirector, gateway and agent: added to a round trip, p50", "ms", way.p50_ms),
        row("redirector, gateway and agent: added to a round trip, p95", "ms", way.p95_ms),
        row("redirector, host to client", "CPU s/GB", way.redirector_s),
        row("agent, host to client", "CPU s/GB", way.agent_s),
    ]


async def _rounds_ms(client: Child, place: tuple[str, int]) -> tuple[float, float]:
    """Return p50 and p95 of round trips to what answers at the place."""
    client.say({"do": "echo", "place": place, "count": ROUNDS})
    cuts = quantiles(await client.answer(STEP_S), n=100 // SPAN_PERCENT)
    return cuts[len(cuts) // 2], cuts[-1]

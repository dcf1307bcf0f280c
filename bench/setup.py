"""Setting up tunnels: how long a client waits for its host's first byte, and what a tunnel costs.

The wait is measured with a real agent process and a local server that speaks first, one tunnel at a time,
from the channel's request to the first byte. The cost is that of tunnels opened and closed, sixteen at once.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from statistics import quantiles

from bench.children import cpu_seconds, peer, started
from bench.node import dialback, serving
from bench.rows import Row, row

SAMPLES = 100
TUNNELS = 300
P50_BOUND_MS = 10
P95_BOUND_MS = 30
STEP_S = 60
SPAN_PERCENT = 5


async def setup_rows(folder: Path, turns: int) -> list[Row]:
    """Return latency and cost of a tunnel."""
    medians, tails = await _latencies_ms(folder, turns)
    return [
        row("channel request to first host byte, p50", "ms", medians, P50_BOUND_MS),
        row("channel request to first host byte, p95", "ms", tails, P95_BOUND_MS),
        row("tunnels set up", "per CPU s", await _tunnels_per_s(folder, turns)),
    ]


async def _latencies_ms(folder: Path, turns: int) -> tuple[list[float], list[float]]:
    """Return p50 and p95 of each turn."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(peer("host_peer", {"greet": True}, folder))
        target = f"127.0.0.1:{server.first['greet']}"
        node = await stack.enter_async_context(serving(folder, "latency", target=target))
        await stack.enter_async_context(
            started("agent", dialback("agent", "run", "--folder", node.hosts[0]), folder)
        )
        await node.host_up()
        client = await stack.enter_async_context(peer("client_peer", node.client(0), folder))
        medians, tails = [], []
        for turn in range(turns + 1):
            client.say({"latency": SAMPLES})
            samples = await client.answer(STEP_S)
            if turn:  # the first turn warms up
                cuts = quantiles(samples, n=100 // SPAN_PERCENT)
                medians.append(cuts[len(cuts) // 2])
                tails.append(cuts[-1])
        return medians, tails


async def _tunnels_per_s(folder: Path, turns: int) -> list[float]:
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(serving(folder, "tunnels"))
        await stack.enter_async_context(peer("host_peer", {"hosts": [str(node.hosts[0])]}, folder))
        client = await stack.enter_async_context(peer("client_peer", node.client(0), folder))
        rates = []
        for turn in range(turns + 1):
            before = cpu_seconds(node.pid)
            client.say({"setup": TUNNELS})
            await client.answer(STEP_S)
            if turn:
                rates.append(TUNNELS / (cpu_seconds(node.pid) - before))
        return rates

"""CPU of the relaying process: bytes in bulk and small messages, our gateway and HAProxy in turns."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import haproxy, orders
from bench.children import Child, cpu_seconds, peer
from bench.node import serving
from bench.rows import Row, ratio_row, row

BULK_STREAMS = 4
BULK_BYTES = 2_000_000_000
MESSAGE_STREAMS = 30
MESSAGE_BYTES = 1200
MESSAGE_INTERVAL_MS = 10
MESSAGES = 1200
PHASE_US = MESSAGE_INTERVAL_MS * 1000 // MESSAGE_STREAMS
SHARING = 3
"""How many streams share a phase, where some do."""
SHARED_MESSAGES = 800
SHARED_TURNS = 3
BULK_BOUND = 1.10
MESSAGE_BOUND = 1.25
TURN_S = 120
WARM_UP_BYTES = 10_000_000
SETTLE_S = 1


@dataclass
class Contestant:
    """One relaying process, the clients that go through it, and what it cost in each turn."""

    name: str
    pid: int
    bulk: Child
    messages: Child
    s_per_gb: list[float] = field(default_factory=list)
    us_per_message: list[float] = field(default_factory=list)
    us_per_shared: list[float] = field(default_factory=list)


async def relay_rows(folder: Path, turns: int) -> list[Row]:
    """Return what relaying costs both."""
    async with _contestants(folder) as contestants:
        for _ in range(turns):
            for each in contestants:
                each.s_per_gb.append(await _bulk(each))
        for _ in range(turns):
            for each in contestants:
                each.us_per_message.append(await _messages(each, MESSAGES))
        for _ in range(min(turns, SHARED_TURNS)):
            for each in contestants:
                each.us_per_shared.append(await _messages(each, SHARED_MESSAGES, SHARING))
    return _rows(contestants)


@asynccontextmanager
async def _contestants(folder: Path) -> AsyncIterator[list[Contestant]]:
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(serving(folder, "relay"))
        pair = {"certificate": str(node.folder / "server.pem"), "key": str(node.folder / "server.key")}
        host = await stack.enter_async_context(
            peer("host_peer", {"hosts": [str(node.hosts[0])], **pair}, folder)
        )
        relay = await stack.enter_async_context(haproxy.relaying(folder, node, host.first["tls"]))

        async def clients(config: dict[str, object]) -> tuple[Child, Child]:
            counts = (BULK_STREAMS, MESSAGE_STREAMS)
            opened = [peer("client_peer", {**config, "connections": count}, folder) for count in counts]
            return await stack.enter_async_context(opened[0]), await stack.enter_async_context(opened[1])

        process, port = relay
        contestants = [
            Contestant("dialback", node.pid, *await clients(node.client(0))),
            Contestant("haproxy", process.pid, *await clients({"port": port, "ca": str(node.ca)})),
        ]
        for each in contestants:
            await _warm_up(each)
        yield contestants


async def _warm_up(each: Contestant) -> None:
    """Let first bytes flow: the record that one has been seen belongs to setting up, not to relaying."""
    await _cost(each.pid, each.bulk, [orders.Push(WARM_UP_BYTES)] * BULK_STREAMS)
    await _cost(each.pid, each.messages, [orders.Push(MESSAGE_BYTES)] * MESSAGE_STREAMS)
    await asyncio.sleep(SETTLE_S)


async def _bulk(each: Contestant) -> float:
    share = [orders.Push(BULK_BYTES // BULK_STREAMS)] * BULK_STREAMS
    return await _cost(each.pid, each.bulk, share) / BULK_BYTES * 1e9


async def _messages(each: Contestant, count: int, sharing: int = 1) -> float:
    """Return the cost of a message where so many streams share each phase."""
    beats = [
        orders.Beat(MESSAGE_BYTES, MESSAGE_INTERVAL_MS, count, number // sharing * sharing * PHASE_US)
        for number in range(MESSAGE_STREAMS)
    ]
    return await _cost(each.pid, each.messages, beats) / (MESSAGE_STREAMS * count) * 1e6


async def _cost(pid: int, client: Child, asked: Sequence[orders.Order]) -> float:
    """Return the CPU seconds of a process while a client gets what it asks for."""
    before = cpu_seconds(pid)
    client.say({"order": [orders.build(order).decode() for order in asked]})
    await client.answer(TURN_S)
    return cpu_seconds(pid) - before


def _rows(contestants: Sequence[Contestant]) -> list[Row]:
    ours, theirs = contestants
    gigabyte, message = "relay, host to client", f"relay, {MESSAGE_BYTES:,}-byte messages"
    shared = f"{message}, {SHARING} at a time"
    return [
        *(row(f"{gigabyte}: {each.name}", "CPU s/GB", each.s_per_gb) for each in contestants),
        ratio_row(f"{gigabyte}: against HAProxy", ours.s_per_gb, theirs.s_per_gb, BULK_BOUND),
        *(row(f"{message}: {each.name}", "CPU µs each", each.us_per_message) for each in contestants),
        ratio_row(f"{message}: against HAProxy", ours.us_per_message, theirs.us_per_message, MESSAGE_BOUND),
        *(row(f"{shared}: {each.name}", "CPU µs each", each.us_per_shared) for each in contestants),
        ratio_row(f"{shared}: against HAProxy", ours.us_per_shared, theirs.us_per_shared),
    ]

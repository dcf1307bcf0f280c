"""Resident memory of the gateway for each idle session and each idle agent link.

A turn is a fresh process: what it has after the first fifty is the base, and what three hundred more add is
divided by three hundred, so that code loaded once and pools filled once do not count.
"""

from contextlib import AsyncExitStack
from pathlib import Path

from bench.children import Child, peer, settled_bytes
from bench.node import serving
from bench.rows import Row, row

FIRST = 50
MORE = 300
SESSION_BOUND_KIB = 96
LINK_BOUND_KIB = 64
STEP_S = 120


async def memory_rows(folder: Path, turns: int) -> list[Row]:
    """Return what sessions and links hold."""
    sessions, links = [], []
    for turn in range(turns):
        sessions.append(await _session_kib(folder, f"sessions{turn}"))
        links.append(await _link_kib(folder, f"links{turn}"))
    return [
        row("memory, idle relayed session", "KiB", sessions, SESSION_BOUND_KIB),
        row("memory, idle agent link", "KiB", links, LINK_BOUND_KIB),
    ]


async def _session_kib(folder: Path, name: str) -> float:
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(serving(folder, name))
        await stack.enter_async_context(peer("host_peer", {"hosts": [str(node.hosts[0])]}, folder))
        client = await stack.enter_async_context(peer("client_peer", node.client(FIRST), folder))
        return await _growth_kib(node.pid, client, {"more": MORE})


async def _link_kib(folder: Path, name: str) -> float:
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(serving(folder, name, hosts=FIRST + MORE))
        hosts = [str(host) for host in node.hosts]
        agents = await stack.enter_async_context(peer("host_peer", {"hosts": hosts[:FIRST]}, folder))
        return await _growth_kib(node.pid, agents, hosts[FIRST:])


async def _growth_kib(pid: int, child: Child, command: object) -> float:
    """Return what each of the connections that the command opens adds to a process."""
    before = await settled_bytes(pid)
    child.say(command)
    await child.answer(STEP_S)
    return (await settled_bytes(pid) - before) / MORE / 1024

"""Ending a server of a test with every connection that it accepted, and waiting for those that were dialled.

A connection that is still open when its loop ends is found by the garbage collector, in whatever test runs by
then, and fails that one. That the peer has closed its end is not enough: the loop has to hear of it first,
and how soon it does is the machine's affair.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

DEADLINE_S = 20.0
SETTLED_S = 1.0


@asynccontextmanager
async def ending(server: asyncio.Server) -> AsyncIterator[None]:
    """Accept nothing more; then wait until the loop has let go of what was accepted, which the block ends."""
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        # asyncio takes a turn between accepting a connection and asking the server for a place, which one
        # that is closed has not: the connection would be nobody's.
        loop.remove_reader(listening)
    # Up to Python 3.11, and on uvloop, a wait that begins after the server was closed waits for nothing.
    closed = asyncio.ensure_future(server.wait_closed())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server.close()
    yield
    async with asyncio.timeout(DEADLINE_S):
        await closed


async def settle() -> None:
    """Wait until the loop watches nothing but itself, a second at most: what is left by then is a leak.

    uvloop does not say what it watches.
    """
    loop = asyncio.get_running_loop()
    selector = getattr(loop, "_selector", None)
    ends_at = loop.time() + SETTLED_S
    while selector is not None and len(selector.get_map()) > 1 and loop.time() < ends_at:
        await asyncio.sleep(0.001)


@pytest.fixture(autouse=True)
async def settled() -> AsyncIterator[None]:
    """Let what was aborted at a test's end be closed by its loop; for a `conftest.py` to take over."""
    yield
    await settle()

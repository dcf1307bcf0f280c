"""Two legs that are the ends of one connection over loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from dialback.transport.leg import Leg
from tests.transport.ending import ending


@contextlib.asynccontextmanager
async def legs() -> AsyncIterator[tuple[Leg, Leg]]:
    """Yield both ends of a connection over loopback."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Queue[Leg] = asyncio.Queue()

    class Accepted(Leg):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            accepted.put_nowait(self)

    server = await loop.create_server(Accepted, "127.0.0.1", 0)
    _, near = await loop.create_connection(Leg, "127.0.0.1", server.sockets[0].getsockname()[1])
    far = await accepted.get()
    try:
        yield near, far
    finally:
        async with ending(server):
            near.abort()
            far.abort()

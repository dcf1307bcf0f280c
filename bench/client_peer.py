"""The peer in front of a relay: opens streams, asks the host for something, reads and throws away.

A stream is an MS-TSGU tunnel over WebSocket, read by the library's own framing, or plain TLS where the
configuration has no token. Answers one line when the streams are open, and one for each command:
`order` (a list, one for each stream), `latency` and `setup` (so many tunnels, one after the other).
"""

import asyncio
import contextlib
import json
import os
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from bench import orders
from dialback.relay.framings import Framing, TsguFraming, WebSocketCarrier, plain
from dialback.transport.dial import dial_tls
from dialback.transport.leg import Leg
from dialback.transport.tls import client_context
from dialback.wire.head import ResponseReader, build_request
from dialback.wire.tsgu.client import ClientState, ClientTunnel
from dialback.wire.tsgu.packets import Data, PacketReader, encode
from dialback.wire.websocket import FrameReader, Opcode, build_frame

ADDRESS = "127.0.0.1"
PATH = "/remoteDesktopGateway/"
RDP_PORT = 3389
TIMEOUT_S = 30
OPENING_AT_ONCE = 16
BUFFER_BYTES = 256 * 1024
MESSAGE_BYTES = 1024 * 1024


class Sink(asyncio.BufferedProtocol):
    """Counts what comes and keeps nothing; tells once when all that was expected has come."""

    buffer = memoryview(bytearray(BUFFER_BYTES))

    def __init__(self, leg: Leg, framing: Framing, *, framed: bool) -> None:
        self._framing = framing
        self._framed = framed
        self._left_bytes = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._leg = leg
        self._transport = leg.transport
        self._count(leg.surrender(self))

    def ask(self, order: orders.Order) -> "asyncio.Future[None]":
        """Send the order; the future is done when everything has come."""
        self._done = asyncio.get_running_loop().create_future()
        self._left_bytes = order.total_bytes
        line = orders.build(order)
        self._transport.write(_masked(encode(Data(line))) if self._framed else line)
        return self._done

    async def close(self) -> None:
        """Close the stream."""
        self._transport.close()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._framed:
            for piece in self._framing.open(self.buffer[:nbytes]):
                self._count(piece)
        else:
            self._left_bytes -= nbytes
            self._check()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the relay closed the stream"))

    def _count(self, piece: bytes | memoryview) -> None:
        self._left_bytes -= len(piece)
        self._check()

    def _check(self) -> None:
        if self._left_bytes <= 0 and not self._done.done():
            self._done.set_result(None)


class Client:
    """Opens streams as the configuration says."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._port: int = config["port"]
        self._token: str = config.get("token", "")
        self._alias: str = config.get("alias", "")
        self._context: ssl.SSLContext = client_context(Path(config["ca"]).read_text())

    async def open(self) -> Sink:
        """Open one stream, ready for an order."""
        if self._token:
            leg, framing, _ = await self.open_tunnel()
            return Sink(leg, framing, framed=True)
        return Sink(await self._dial(), plain(), framed=False)

    async def open_tunnel(self) -> tuple[Leg, TsguFraming, float]:
        """Open a tunnel and its channel; also return when the channel was asked for."""
        leg = await self._dial()
        headers = [
            ("Host", f"{ADDRESS}:{self._port}"),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ]
        leg.send(build_request("RDG_OUT_DATA", PATH, headers))
        reader = ResponseReader()
        while (head := reader.feed(await leg.receive())) is None:
            pass
        if head.status != 101:
            raise ConnectionError(f"expected 101 for a tunnel, got {head.status}")
        leg.unread(reader.leftover)
        carrier = WebSocketCarrier(FrameReader(masked=False, max_message_bytes=MESSAGE_BYTES))
        tunnel = ClientTunnel(self._token, "bench", self._alias, RDP_PORT)
        leg.send(_masked(tunnel.start()))
        asked_at, ahead = 0.0, b""
        while not tunnel.open:
            for piece in carrier.unwrap(await leg.receive()):
                if tunnel.open:
                    ahead += piece
                elif reply := tunnel.receive(piece):
                    if tunnel.state is ClientState.CHANNEL_SENT:
                        asked_at = time.perf_counter()
                    leg.send(_masked(reply))
        return leg, TsguFraming(carrier, PacketReader(tunnel.surrender().leftover + ahead)), asked_at

    async def latency_ms(self) -> float:
        """Return the time from the channel's request to the host's first byte, which comes unasked."""
        leg, framing, asked_at = await self.open_tunnel()
        pieces = framing.open(b"")
        while not pieces:
            pieces = framing.open(await leg.receive())
        spent_s = time.perf_counter() - asked_at
        await leg.close()
        return spent_s * 1000

    async def set_up(self) -> None:
        """Open a tunnel and close it again."""
        leg, _, _ = await self.open_tunnel()
        await leg.close()

    async def _dial(self) -> Leg:
        return await dial_tls(ADDRESS, self._port, self._context, timeout_s=TIMEOUT_S)


async def at_once(work: Callable[[], Any], count: int) -> list[Any]:
    """Do something `count` times, a few at a time."""
    limit = asyncio.Semaphore(OPENING_AT_ONCE)

    async def limited() -> Any:
        async with limit:
            return await work()

    return await asyncio.gather(*(limited() for _ in range(count)))


async def main() -> None:
    """Open the streams, then do what each line of standard input says, until it ends."""
    config = json.loads(sys.stdin.buffer.readline())
    client = Client(config)
    streams: list[Sink] = await at_once(client.open, config["connections"])
    _say("open")
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        _say(await _obey(client, streams, json.loads(line)))
    for stream in streams:
        await stream.close()
    await asyncio.sleep(0.2)


async def _obey(client: Client, streams: list[Sink], command: dict[str, Any]) -> Any:
    if "order" in command:
        asked = zip(streams, command["order"], strict=True)
        await asyncio.gather(*(stream.ask(orders.parse(text.encode())) for stream, text in asked))
        return "done"
    if "more" in command:
        streams += await at_once(client.open, command["more"])
        return "open"
    if "setup" in command:
        await at_once(client.set_up, command["setup"])
        return "done"
    samples = []
    for _ in range(command["latency"]):
        samples.append(await client.latency_ms())
        await asyncio.sleep(0.01)
    return samples


def _masked(message: bytes) -> bytes:
    return build_frame(Opcode.BINARY, message, mask_key=os.urandom(4))


def _say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main())

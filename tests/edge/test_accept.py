import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from dialback.edge.accept import Arrival, Edge, Handler
from dialback.observe.tasks import Tasks
from dialback.transport.leg import Leg
from dialback.transport.listen import listen_tls
from dialback.wire import websocket
from dialback.wire.head import HEAD_LIMIT_BYTES, RequestHead
from dialback.wire.websocket import FrameReader, Opcode
from tests.transport.ending import ending
from tests.transport.loopback import Certificates, Peer, port_of

MASK = b"\x01\x02\x03\x04"


async def small_app(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer each request with its method, path and body; echo a WebSocket's message."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "bytes": message["bytes"]})
        await send({"type": "websocket.close"})
        return
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    answer = f"{scope['method']} {scope['path']} ".encode() + body
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"yes")]})
    await send({"type": "http.response.body", "body": answer})


def web_protocols() -> Callable[[], asyncio.Protocol]:
    """Return what makes uvicorn's own protocol for one connection."""
    config = uvicorn.Config(small_app, lifespan="off", log_config=None, ws="websockets-sansio")
    config.load()
    state = ServerState()

    def protocol() -> asyncio.Protocol:
        return config.http_protocol_class(config=config, server_state=state, app_state={})

    return protocol


class Kept:
    """Keeps what the edge gave to the handler of `RDG_OUT_DATA`."""

    def __init__(self) -> None:
        self.kept: asyncio.Queue[tuple[RequestHead, Leg, Arrival]] = asyncio.Queue()
        self.fails = False

    def route(self, head: RequestHead) -> Handler | None:
        return self.serve if head.method == "RDG_OUT_DATA" else None

    async def serve(self, head: RequestHead, leg: Leg, arrival: Arrival) -> None:
        if self.fails:
            raise KeyError("a bug")
        self.kept.put_nowait((head, leg, arrival))
        await leg.wait_gone()
        leg.abort()


@asynccontextmanager
async def edged(
    certificates: Certificates, kept: Kept, head_deadline_s: float = 5
) -> AsyncIterator[Callable[[], Any]]:
    """Run an edge; give what connects to it."""
    tasks = Tasks()
    edge = Edge(kept.route, web_protocols(), tasks, head_deadline_s)
    server = await listen_tls("127.0.0.1", 0, certificates.server(), edge.protocol)
    peers: list[Peer] = []

    async def connect() -> Peer:
        peers.append(await Peer.connect(port_of(server), certificates.client()))
        return peers[-1]

    try:
        yield connect
    finally:
        async with ending(server):
            for peer in peers:
                peer.close()
            await tasks.close()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def connect(certificates: Certificates, kept: Kept) -> AsyncIterator[Callable[[], Any]]:
    async with edged(certificates, kept) as connecting:
        yield connecting


async def until(peer: Peer, mark: bytes) -> bytes:
    """Read until the mark has come."""
    whole = b""
    while mark not in whole:
        data = await peer.receive()
        assert data, whole
        whole += data
    return whole


@pytest.mark.parametrize("cut", [1, 2, 13, 1000])
async def test_head_cut_anywhere_is_handed_over_with_what_follows(
    connect: Callable[[], Any], kept: Kept, cut: int
) -> None:
    peer = await connect()
    raw = b"RDG_OUT_DATA /remoteDesktopGateway/?a=b HTTP/1.1\r\nHost: x\r\nRDG-User-Id: ann\r\n\r\nleftover"
    for at in range(0, len(raw), cut):
        await peer.send(raw[at : at + cut])
    head, leg, arrival = await kept.kept.get()
    assert (head.method, head.path, head.header("rdg-user-id")) == (
        "RDG_OUT_DATA",
        "/remoteDesktopGateway/",
        "ann",
    )
    whole = b""
    while len(whole) < 8:
        whole += await leg.receive()
    assert whole == b"leftover"
    assert leg.secured
    assert arrival.accepted_at <= arrival.secured_at <= arrival.head_at
    leg.send(b"answer")
    assert await peer.receive_exactly(6) == b"answer"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\x03\x00\x00\x13\x0e\xe0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_LIMIT_BYTES + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_LIMIT_BYTES,
    ],
)
async def test_garbage_and_oversized_heads_are_told_400(connect: Callable[[], Any], raw: bytes) -> None:
    peer = await connect()
    await peer.send(raw)
    answer = await peer.receive_all()
    assert answer == b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def test_slow_head_is_told_408(certificates: Certificates, kept: Kept) -> None:
    async with edged(certificates, kept, head_deadline_s=0.1) as connect:
        peer = await connect()
        await peer.send(b"GET / HT")
        assert (await peer.receive_all()).startswith(b"HTTP/1.1 408 ")


async def test_head_in_time_is_never_told_408(certificates: Certificates, kept: Kept) -> None:
    async with edged(certificates, kept, head_deadline_s=0.1) as connect:
        peer = await connect()
        await peer.send(b"RDG_OUT_DATA / HTTP/1.1\r\nHost: x\r\n\r\n")
        _, leg, _ = await kept.kept.get()
        await asyncio.sleep(0.2)
        leg.send(b"x")
        assert await peer.receive_exactly(1) == b"x"


async def test_failing_handler_lets_its_leg_go(connect: Callable[[], Any], kept: Kept) -> None:
    kept.fails = True
    peer = await connect()
    await peer.send(b"RDG_OUT_DATA / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await peer.receive_all() == b""


@pytest.mark.parametrize("cut", [1, 40, 10_000])
async def test_web_application_gets_every_byte(connect: Callable[[], Any], cut: int) -> None:
    peer = await connect()
    raw = b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n"
    for at in range(0, len(raw), cut):
        await peer.send(raw[at : at + cut])
    assert b"x-app: yes" in await until(peer, b"GET /first ")
    body = b"b" * 5000
    raw = b"POST /second HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n" + body
    for at in range(0, len(raw), max(cut, 500)):
        await peer.send(raw[at : at + max(cut, 500)])
    assert b"POST /second " + body in await peer.receive_all()


async def test_body_that_comes_with_the_head_reaches_the_application(connect: Callable[[], Any]) -> None:
    peer = await connect()
    await peer.send(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo")
    await peer.send(b"dy")
    assert await until(peer, b"POST /p body")


async def test_websocket_of_the_application_works(connect: Callable[[], Any]) -> None:
    peer = await connect()
    await peer.send(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    head = await until(peer, b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    await peer.send(websocket.build_frame(Opcode.BINARY, b"echo", mask_key=MASK))
    raw = head.partition(b"\r\n\r\n")[2] + await until(peer, struct.pack(">H", 1000))
    frames = FrameReader(masked=False, max_message_bytes=1000).feed(raw)
    assert frames[0].payload == b"echo"

import struct
from collections.abc import AsyncIterator

import pytest

from dialback.domain.errors import Reason
from dialback.wire import websocket
from dialback.wire.head import ResponseHead, build_request
from dialback.wire.websocket import FrameReader, Opcode
from tests.gateway.stage import ALIAS, MASK, TOKEN, WEBSOCKET, Stage, response, staged
from tests.transport.loopback import Certificates, Peer


@pytest.fixture
async def stage(certificates: Certificates) -> AsyncIterator[Stage]:
    async with staged(certificates) as made:
        yield made


async def ask(
    stage: Stage, alias: str = ALIAS, authorization: str = f"Bearer {TOKEN}"
) -> tuple[Peer, ResponseHead]:
    """Ask for the raw stream of a resource."""
    peer = await stage.connect()
    headers = [*WEBSOCKET, *([("Authorization", authorization)] if authorization else [])]
    await peer.send(build_request("GET", f"/rdp/{alias}", headers))
    answer, leftover = await response(peer)
    assert leftover == b""
    return peer, answer


async def test_raw_stream_passes_both_ways(stage: Stage) -> None:
    peer, answer = await ask(stage)
    assert answer.status == 101
    await peer.send(websocket.build_frame(Opcode.BINARY, b"early", mask_key=MASK))
    host = await stage.host()
    assert await host.receive_exactly(5) == b"early"
    await host.send(b"answer")
    await host.end()
    frames = FrameReader(masked=False, max_message_bytes=65536).feed(await peer.receive_all())
    assert [(frame.opcode, frame.payload) for frame in frames] == [
        (Opcode.BINARY, b"answer"),
        (Opcode.CLOSE, struct.pack(">H", 1000)),
    ]
    await peer.end()
    record = await stage.broker.record()
    assert (record.reason, record.transport) == (Reason.HOST_ENDED, "websocket")
    assert (record.totals.to_client_bytes, record.totals.to_host_bytes) == (6, 5)


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("", Reason.TOKEN_MISSING),
        ("Basic YTpi", Reason.TOKEN_MISSING),
        ("Bearer ", Reason.TOKEN_MISSING),
        ("bearer expired-token", Reason.TOKEN_EXPIRED),
        ("Bearer no token", Reason.TOKEN_MALFORMED),
    ],
)
async def test_refused_token_is_told_403(stage: Stage, authorization: str, reason: Reason) -> None:
    peer, answer = await ask(stage, authorization=authorization)
    assert answer.status == 403
    assert await peer.receive_all() == b""
    await peer.end()
    assert (await stage.broker.record()).reason is reason


@pytest.mark.parametrize(
    ("alias", "refusal", "reason"),
    [("other", None, Reason.RESOURCE_NOT_GRANTED), (ALIAS, Reason.HOST_OFFLINE, Reason.HOST_OFFLINE)],
)
async def test_what_fails_after_the_upgrade_ends_the_stream(
    stage: Stage, alias: str, refusal: Reason | None, reason: Reason
) -> None:
    stage.broker.place_refusal = refusal
    peer, answer = await ask(stage, alias)
    assert answer.status == 101
    frames = FrameReader(masked=False, max_message_bytes=65536).feed(await peer.receive_all())
    assert (frames[-1].opcode, frames[-1].payload) == (Opcode.CLOSE, struct.pack(">H", 1001))
    await peer.end()
    assert (await stage.broker.record()).reason is reason


async def test_client_that_leaves_while_parked_cancels_its_place(stage: Stage) -> None:
    stage.broker.place_waits.clear()
    peer, _ = await ask(stage)
    await stage.broker.placing.wait()
    await peer.end()
    assert (await stage.broker.record()).reason is Reason.CLIENT_LEFT
    assert stage.broker.place_cancelled.is_set()

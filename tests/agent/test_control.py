import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from dialback.agent import control
from dialback.agent.control import LinkLost, hold_link
from dialback.agent.reverse import Dialler
from dialback.agent.settings import AgentSettings
from dialback.observe.tasks import Tasks
from dialback.transport.dial import DialFailed
from dialback.transport.tls import client_context
from dialback.wire.agent.link import (
    DialledReceived,
    DialRefusedReceived,
    HeartbeatReceived,
    ReportReceived,
)
from dialback.wire.agent.messages import RdpServer
from dialback.wire.head import build_response
from dialback.wire.websocket import FrameReader, Opcode, build_close, build_frame
from tests.agent.platform_stub import Platform, ServerSide, serving, take_leg

FOUND = (RdpServer(target="127.0.0.1:3389", answers=True, security="tls"),)
DOWN = (RdpServer(target="127.0.0.1:3389", answers=False, problem="down"),)


class Probe:
    """Finds one thing after another, and the last for ever."""

    def __init__(self, *found: tuple[RdpServer, ...]) -> None:
        self._found = list(found)

    async def __call__(self, settings: AgentSettings) -> tuple[RdpServer, ...]:
        return self._found.pop(0) if len(self._found) > 1 else self._found[0]


@contextlib.asynccontextmanager
async def dialler_of(platform: Platform, settings: AgentSettings) -> AsyncIterator[Dialler]:
    tasks = Tasks()
    try:
        yield Dialler(platform.identity, settings, client_context(platform.identity.ca_pem), tasks)
    finally:
        await tasks.close()


async def hold(
    platform: Platform,
    settings: AgentSettings | None = None,
    probe: Probe | None = None,
    opened: asyncio.Event | None = None,
) -> None:
    """Hold one link against the platform, ten seconds at most."""
    settings = settings or AgentSettings(dial_timeout_s=5)
    identity, up = platform.identity, opened or asyncio.Event()
    async with dialler_of(platform, settings) as dialler, asyncio.timeout(10):
        context = client_context(identity.ca_pem)
        await hold_link(identity, settings, context, dialler, probe or Probe(FOUND), up.set)


async def test_agent_answers_the_challenge_with_its_key(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        assert server.hello is not None
        good.append(platform.knows(server.hello.signature, server.hello.signed))
        server.send(server.link.goodbye("done"))

    good: list[bool] = []
    platform.on_link = serve
    opened = asyncio.Event()
    with pytest.raises(LinkLost, match="the server ended the link: done"):
        await hold(platform, opened=opened)
    assert good == [True]
    assert opened.is_set()


async def test_agent_reports_at_the_start_and_when_something_changes(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        for _ in range(2):
            event = await server.wait_for(ReportReceived)
            assert isinstance(event, ReportReceived)
            reports.append(event.rdp_servers)
        server.send(server.link.goodbye("done"))

    reports: list[tuple[RdpServer, ...]] = []
    platform.on_link = serve
    settings = AgentSettings(probe_interval_s=0.01)
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, settings, Probe(FOUND, FOUND, FOUND, DOWN))
    assert reports == [FOUND, DOWN]


async def test_agent_beats_as_often_as_the_server_asks(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "HEARTBEAT_MOST_S", 0.02)
    monkeypatch.setattr(control, "SILENT_HEARTBEATS", 200)

    async def serve(server: ServerSide) -> None:
        await server.open()
        for _ in range(3):
            await server.wait_for(HeartbeatReceived)
            beats.append(1)
        server.send(server.link.goodbye("done"))

    beats: list[int] = []
    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform)
    assert len(beats) == 3


async def test_silent_server_is_given_up(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SILENT_HEARTBEATS", 0.1)

    async def serve(server: ServerSide) -> None:
        await server.open()
        with contextlib.suppress(EOFError):
            while True:
                await server.next_text()

    platform.on_link = serve
    with pytest.raises(LinkLost, match=r"said nothing for 0\.1 s"):
        await hold(platform)


async def test_server_that_never_says_welcome_is_given_up(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        with contextlib.suppress(EOFError):
            await server.next_text()

    platform.on_link = serve
    opened = asyncio.Event()
    with pytest.raises(LinkLost, match=r"did not open the link within 0\.3 s"):
        await hold(platform, AgentSettings(dial_timeout_s=0.3), opened=opened)
    assert not opened.is_set()


async def test_refusal_of_the_server_is_told(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        server.send(server.link.start())
        await server.next_event()
        server.send(server.link.refuse("this host was removed"))

    platform.on_link = serve
    with pytest.raises(LinkLost, match="this host was removed"):
        await hold(platform)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (build_close(1001), "closed the link with code 1001"),
        (build_frame(Opcode.BINARY, b"x"), "broke the protocol: expected a text in one piece"),
        (build_frame(Opcode.TEXT, b"x", final=False), "broke the protocol: expected a text in one piece"),
        (build_frame(Opcode.TEXT, b"x"), "broke the protocol"),
        (build_frame(Opcode.TEXT, b'{"type":"heartbeat-echo"}'), "broke the protocol"),
        (
            build_frame(
                Opcode.TEXT,
                b'{"type":"challenge","nonce":"%s","lowest_version":7,"highest_version":9}' % (b"A" * 43),
            ),
            "speaks versions 7-9",
        ),
        (build_frame(Opcode.TEXT, b"x", mask_key=b"abcd"), "broke the protocol: expected an unmasked"),
        (b"", "the server closed the connection"),
    ],
)
async def test_what_a_server_may_not_say_ends_the_link(platform: Platform, raw: bytes, said: str) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        server.stream.writer.write(raw)
        await server.stream.writer.drain()

    platform.on_link = serve
    with pytest.raises(LinkLost, match=said):
        await hold(platform)


async def test_broken_protocol_is_told_with_its_close_code(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        server.send("no message")
        frame = FrameReader(masked=True, max_message_bytes=100).feed(await server.stream.receive())[0]
        got.append((frame.opcode, frame.payload))

    got: list[tuple[Opcode, bytes]] = []
    platform.on_link = serve
    with pytest.raises(LinkLost, match="broke the protocol"):
        await hold(platform)
    assert got == [(Opcode.CLOSE, (1002).to_bytes(2, "big"))]


async def test_ping_is_answered_masked(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.upgrade()
        server.stream.writer.write(build_frame(Opcode.PING, b"p") + build_frame(Opcode.PONG, b"q"))
        got.append(await server.stream.receive())

    got: list[bytes] = []
    platform.on_link = serve
    with pytest.raises(LinkLost):
        await hold(platform)
    assert got[0][:2] == bytes([0x80 | Opcode.PONG, 0x80 | 1])


async def test_other_answers_than_an_upgrade_are_told(platform: Platform) -> None:
    with pytest.raises(LinkLost, match="status 404"):
        await hold(platform)


async def test_upgrade_with_a_wrong_key_is_none(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        server.stream.writer.write(build_response(101, [("Sec-WebSocket-Accept", "x")]))

    platform.on_link = serve
    with pytest.raises(LinkLost, match="WebSocket key"):
        await hold(platform)


async def test_server_that_is_down_is_told(platform: Platform, unused: int) -> None:
    platform.port = unused
    with pytest.raises(DialFailed, match="cannot be reached"):
        await hold(platform)


async def test_unknown_messages_are_passed_over(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        server.send('{"type":"moon-phase","phase":3}')
        server.send(server.link.goodbye("done"))

    platform.on_link = serve
    with pytest.raises(LinkLost, match="done"):
        await hold(platform)


async def test_cancelled_link_says_that_the_agent_goes_away(platform: Platform) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        try:
            while True:
                await server.next_text()
        except EOFError:
            ended.set()

    ended, opened = asyncio.Event(), asyncio.Event()
    platform.on_link = serve
    task = asyncio.create_task(hold(platform, opened=opened))
    await opened.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await ended.wait()


async def order_over_link(platform: Platform, target: str, answer: type) -> object:
    """Order the agent to dial and return its answer; the link ends after it."""

    async def serve(server: ServerSide) -> None:
        await server.open()
        server.send(
            server.link.dial(
                connection_id="connection",
                gateway=platform.address,
                certificate_sha256=platform.certificate_sha256,
                ticket="t1cket",
                target=target,
                user="ann",
            )
        )
        got.append(await server.wait_for(answer))
        server.send(server.link.goodbye("done"))

    got: list[object] = []
    platform.on_link, platform.on_leg = serve, take_leg
    with pytest.raises(LinkLost, match="done"):
        await hold(platform, AgentSettings(targets=(target,)))
    return got[0]


async def test_order_to_dial_is_carried_out_and_answered(platform: Platform) -> None:
    async def wait(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(wait) as port:
        answer = await order_over_link(platform, f"127.0.0.1:{port}", DialledReceived)
    assert answer == DialledReceived("connection")


async def test_order_that_cannot_be_carried_out_is_answered_with_the_reason(
    platform: Platform, unused: int
) -> None:
    answer = await order_over_link(platform, f"127.0.0.1:{unused}", DialRefusedReceived)
    assert isinstance(answer, DialRefusedReceived)
    assert answer.reason == "rdp-server-down"

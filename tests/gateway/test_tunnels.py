"""The gateway end to end; the numbers are those of the raw conformance checks in the protocol sheet, 9.2."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from dialback.domain.contracts import DialOrder
from dialback.domain.errors import Reason, Refused
from dialback.domain.sessions import Stage as Step
from dialback.gateway.settings import GatewaySettings
from dialback.wire import websocket
from dialback.wire.errors import WireError
from dialback.wire.head import build_request
from dialback.wire.tsgu.client import TunnelRefused, TunnelStage
from dialback.wire.tsgu.codes import PacketType
from dialback.wire.tsgu.packets import (
    ChannelCreate,
    CloseChannelResponse,
    Data,
    HandshakeRequest,
    Keepalive,
    PacketReader,
    TunnelAuth,
    TunnelCreate,
    cookie_of_text,
    encode,
)
from dialback.wire.tsgu.server import ServerTunnel
from dialback.wire.websocket import Opcode
from tests.gateway.stage import (
    ALIAS,
    HOST,
    MASK,
    PATH,
    TOKEN,
    WEBSOCKET,
    LegacyTunnel,
    Stage,
    Tunnel,
    WebSocketTunnel,
    legacy_headers,
    open_channel,
    response,
    short,
    staged,
    with_header,
)
from tests.transport.loopback import DEADLINE_S, Certificates, Peer

HANDSHAKE = encode(HandshakeRequest(extended_auth=2))
TUNNEL = encode(TunnelCreate(capabilities=0x0A, cookie=cookie_of_text(TOKEN)))
AUTH = encode(TunnelAuth("PC1"))
CHANNEL = encode(ChannelCreate((ALIAS,)))
Make = Callable[[Stage], Awaitable[Tunnel]]
KINDS: dict[str, Make] = {"websocket": WebSocketTunnel.upgrade, "legacy": LegacyTunnel.make}
every_kind = pytest.mark.parametrize("kind", list(KINDS))


@pytest.fixture
async def stage(certificates: Certificates) -> AsyncIterator[Stage]:
    async with staged(certificates) as made:
        yield made


@pytest.fixture(autouse=True)
def short_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialback.relay.join.FAREWELL_S", 0.1)


def kind_and_code(packet: bytes, at: int) -> tuple[PacketType, int]:
    """Return a response's type and its code, which stands at this offset."""
    return PacketType(struct.unpack_from("<H", packet)[0]), struct.unpack_from("<I", packet, at)[0]


async def use_and_end(stage: Stage, tunnel: Tunnel) -> Peer:
    """Pass bytes both ways, and end from the host; the client answers."""
    host = await stage.host()
    await tunnel.send(encode(Data(b"up")))
    assert await host.receive_exactly(2) == b"up"
    await host.send(b"down")
    assert await tunnel.packet() == encode(Data(b"down"))
    await host.end()
    assert kind_and_code(await tunnel.packet(), 8) == (PacketType.CLOSE_CHANNEL, 0)
    await tunnel.send(encode(CloseChannelResponse(0)))
    assert await tunnel.packet() == b""
    await tunnel.end()
    return host


@every_kind
async def test_tunnel_lives_from_token_to_record(stage: Stage, kind: str) -> None:
    tunnel = await KINDS[kind](stage)
    client = await open_channel(tunnel)
    assert client.redirection_flags == 0x80000000
    await use_and_end(stage, tunnel)
    record = await stage.broker.record()
    assert (record.reason, record.transport) == (Reason.HOST_ENDED, f"tsgu-{kind}")
    assert (record.user, record.resource, record.host_id, record.client_name) == ("ann", ALIAS, HOST, "PC1")
    assert (record.totals.to_client_bytes, record.totals.to_host_bytes) == (4, 2)
    assert list(record.timeline) == sorted(record.timeline, key=list(Step).index)
    assert set(record.timeline) == set(Step) - {Step.APPROVE, Step.WAKE, Step.CONSENT}
    assert [opened.id for opened in stage.broker.was_opened] == [record.id] * 2
    assert stage.orders[0].connection_id == record.id
    assert stage.metrics.value("dialback_ended_total", reason="host-ended") == 1
    assert stage.metrics.value("dialback_open_connections") == 0


async def test_upgrade_is_accepted_with_a_key_that_is_no_base64(stage: Stage) -> None:
    """Check 1: FreeRDP 2 sends 15 characters."""
    peer = await stage.connect()
    headers = with_header(WEBSOCKET, "Sec-WebSocket-Key", "ABCDEFGHIJKLMNO")
    await peer.send(build_request("RDG_OUT_DATA", PATH, headers))
    answer, leftover = await response(peer)
    assert (answer.status, leftover) == (101, b"")
    assert answer.header("sec-websocket-accept") == "E5g2ad2v3Z8tg2Zo0jIV0ea3oRI="
    assert answer.header("content-length") is None
    assert answer.header("sec-websocket-extensions") is None


async def test_upgrade_is_accepted_with_odd_case_and_a_list_in_connection(stage: Stage) -> None:
    """Check 1."""
    odd = [(key.swapcase(), value) for key, value in with_header(WEBSOCKET, "Upgrade", "WebSocket")]
    tunnel = await WebSocketTunnel.upgrade(stage, with_header(odd, "cONNECTION", "keep-alive, Upgrade"))
    await open_channel(tunnel)
    await use_and_end(stage, tunnel)


@pytest.mark.parametrize(
    "extra", [[], [("Authorization", "NTLM TlRMTVNTUAAB")], [("RDG-Auth-Scheme", "SSPI_NTLM")]]
)
async def test_no_request_is_answered_401(stage: Stage, extra: list[tuple[str, str]]) -> None:
    await WebSocketTunnel.upgrade(stage, [*WEBSOCKET, *extra])
    await LegacyTunnel.make(stage, [*legacy_headers(), *extra])


@pytest.mark.parametrize("cut", [1, 3, 7])
async def test_legacy_chunks_cut_anywhere_are_read(stage: Stage, cut: int) -> None:
    """Check 4."""
    tunnel = await LegacyTunnel.make(stage)
    for packet in (HANDSHAKE, TUNNEL, AUTH, CHANNEL):
        for at in range(0, len(packet), cut):
            part = packet[at : at + cut]
            for byte in b"%x\r\n%s\r\n" % (len(part), part):
                await tunnel.peer.send(bytes([byte]))
        assert await tunnel.packet()
    data = encode(Data(b"one")) + encode(Data(b"two"))
    await tunnel.send(data)
    host = await stage.host()
    assert await host.receive_exactly(6) == b"onetwo"


async def test_websocket_messages_cut_anywhere_are_read(stage: Stage) -> None:
    """Check 4: a packet over three frames, three packets in one, the 64-bit length."""
    tunnel = await WebSocketTunnel.upgrade(stage)
    for number, part in enumerate((HANDSHAKE[:3], HANDSHAKE[3:9], HANDSHAKE[9:])):
        opcode = Opcode.CONTINUATION if number else Opcode.BINARY
        frame = websocket.build_frame(opcode, part, mask_key=MASK, final=number == 2)
        await tunnel.peer.send(frame)
    assert await tunnel.packet()
    long = b"\x82\xff" + struct.pack(">Q", len(TUNNEL)) + MASK
    await tunnel.peer.send(long + websocket.apply_mask(TUNNEL, MASK))
    assert await tunnel.packet()
    await tunnel.send(encode(Keepalive()) + AUTH + encode(Keepalive()))
    assert await tunnel.packet()
    await tunnel.send(CHANNEL)
    assert await tunnel.packet()
    await tunnel.send(b"".join(encode(Data(part)) for part in (b"a", b"b", b"c")))
    assert await (await stage.host()).receive_exactly(3) == b"abc"


@pytest.mark.parametrize(
    ("before", "sent", "answered"),
    [
        ((), TUNNEL, (PacketType.HANDSHAKE_RESPONSE, 8)),
        ((), encode(Data(b"x")), (PacketType.HANDSHAKE_RESPONSE, 8)),
        ((), struct.pack("<HHI", 1, 0, 7), (PacketType.HANDSHAKE_RESPONSE, 8)),
        ((), struct.pack("<HHI", 1, 0, 1 << 20), (PacketType.HANDSHAKE_RESPONSE, 8)),
        ((HANDSHAKE,), HANDSHAKE, (PacketType.TUNNEL_RESPONSE, 10)),
        ((HANDSHAKE,), struct.pack("<HHIIHH", 4, 0, 16, 1, 1, 0), (PacketType.TUNNEL_RESPONSE, 10)),
        (
            (HANDSHAKE,),
            struct.pack("<HHIIHHH", 4, 0, 18, 1, 1, 0, 99),
            (PacketType.TUNNEL_RESPONSE, 10),
        ),
        ((HANDSHAKE, TUNNEL), CHANNEL, (PacketType.TUNNEL_AUTH_RESPONSE, 8)),
        ((HANDSHAKE, TUNNEL, AUTH), AUTH, (PacketType.CHANNEL_RESPONSE, 8)),
        (
            (HANDSHAKE, TUNNEL, AUTH),
            struct.pack("<HHIBBHHH", 8, 0, 16, 1, 0, 3389, 3, 99),
            (PacketType.CHANNEL_RESPONSE, 8),
        ),
    ],
)
async def test_violations_are_answered_in_the_form_the_client_expects(
    stage: Stage, before: tuple[bytes, ...], sent: bytes, answered: tuple[PacketType, int]
) -> None:
    """Check 5."""
    tunnel = await WebSocketTunnel.upgrade(stage)
    for packet in before:
        await tunnel.send(packet)
        assert await tunnel.packet()
    await tunnel.send(sent)
    expected, at = answered
    assert kind_and_code(await tunnel.packet(), at) == (expected, 0x800759D8)
    assert await tunnel.packet() == b""
    assert (await stage.broker.record()).reason is Reason.PROTOCOL_VIOLATION


async def test_fields_of_a_reauthentication_are_read(stage: Stage) -> None:
    """Check 5: fieldsPresent 3."""
    tunnel = await WebSocketTunnel.upgrade(stage)
    await tunnel.send(HANDSHAKE)
    assert await tunnel.packet()
    await tunnel.send(encode(TunnelCreate(capabilities=1, reauth_context=7, cookie=cookie_of_text(TOKEN))))
    assert kind_and_code(await tunnel.packet(), 10) == (PacketType.TUNNEL_RESPONSE, 0)


@pytest.mark.parametrize(
    "headers", [legacy_headers("{1}", "bob"), legacy_headers("{2}", "ann"), legacy_headers("{1}")]
)
async def test_in_request_of_somebody_else_is_refused(stage: Stage, headers: list[tuple[str, str]]) -> None:
    """Check 6."""
    await LegacyTunnel.out(stage, legacy_headers("{1}", "ann"))
    peer = await stage.connect()
    await peer.send(build_request("RDG_IN_DATA", PATH, [*headers, ("Content-Length", "0")]))
    answer, _ = await response(peer)
    assert answer.status == 404


async def test_in_request_that_changes_its_name_is_refused(stage: Stage) -> None:
    """Check 6."""
    headers = legacy_headers("{1}", "ann")
    await LegacyTunnel.out(stage, headers)
    peer = await stage.connect()
    await peer.send(build_request("RDG_IN_DATA", PATH, [*headers, ("Content-Length", "0")]))
    assert (await response(peer))[0].status == 200
    other = [*legacy_headers("{1}", "bob"), ("Transfer-Encoding", "chunked")]
    await peer.send(build_request("RDG_IN_DATA", PATH, other))
    assert (await response(peer))[0].status == 400


async def test_second_tunnel_with_the_same_id_is_a_new_one(stage: Stage) -> None:
    """Check 6."""
    first = await LegacyTunnel.make(stage)
    await open_channel(first)
    second = await LegacyTunnel.make(stage)
    await open_channel(second)
    hosts = [await stage.host(), await stage.host()]
    for tunnel, host in ((first, hosts[0]), (second, hosts[1])):
        await host.send(b"x")
        assert await tunnel.packet() == encode(Data(b"x"))


@every_kind
async def test_keepalives_come_only_on_an_open_channel(certificates: Certificates, kind: str) -> None:
    """Check 7."""
    async with staged(certificates, short(keepalive_s=0.05)) as stage:
        stage.broker.place_waits.clear()
        tunnel = await KINDS[kind](stage)
        opening = asyncio.get_running_loop().create_task(open_channel(tunnel))
        await stage.broker.placing.wait()
        await asyncio.sleep(0.2)
        stage.broker.place_waits.set()
        await opening
        assert await tunnel.packet() == encode(Keepalive())


async def _no_tunnel(stage: Stage) -> Tunnel:
    return await WebSocketTunnel.upgrade(stage)


async def _no_in(stage: Stage) -> Tunnel:
    hears, waiting = await LegacyTunnel.out(stage, legacy_headers())
    return LegacyTunnel(hears, hears, waiting)


async def _no_channel(stage: Stage) -> Tunnel:
    tunnel = await WebSocketTunnel.upgrade(stage)
    for packet in (HANDSHAKE, TUNNEL):
        await tunnel.send(packet)
        assert await tunnel.packet()
    return tunnel


@pytest.mark.parametrize(
    ("begin", "deadline"),
    [
        (_no_tunnel, "handshake_deadline_s"),
        (_no_in, "pairing_deadline_s"),
        (_no_channel, "channel_deadline_s"),
    ],
)
async def test_slow_client_is_closed_at_its_deadline(
    certificates: Certificates, begin: Make, deadline: str
) -> None:
    """Check 8."""
    # No other is short: what comes before it has all the time that it takes.
    async with staged(certificates, short(**{deadline: 0.2})) as stage:
        tunnel = await begin(stage)
        assert await tunnel.packet() == b""
        assert (await stage.broker.record()).reason is Reason.DEADLINE_PASSED


TOKENS = [
    ("unknown-token", 0x800759F8, Reason.TOKEN_UNKNOWN),
    ("expired-token", 0x800759F8, Reason.TOKEN_EXPIRED),
    ("revoked-token", 0x800759F8, Reason.TOKEN_REVOKED),
    ("x" * 65, 0x800759F8, Reason.TOKEN_OVERSIZED),
    ("no token!", 0x800759F7, Reason.TOKEN_MALFORMED),
    ("", 0x800759F8, Reason.TOKEN_MISSING),
]


@every_kind
@pytest.mark.parametrize(("token", "code", "reason"), TOKENS)
async def test_wrong_tokens_have_their_codes(
    stage: Stage, kind: str, token: str, code: int, reason: Reason
) -> None:
    """Check 10."""
    tunnel = await KINDS[kind](stage)
    with pytest.raises(TunnelRefused) as caught:
        await open_channel(tunnel, token)
    assert (caught.value.stage, caught.value.code) == (TunnelStage.TUNNEL, code)
    assert await tunnel.packet() == b""
    assert (await stage.broker.record()).reason is reason
    assert stage.metrics.value("dialback_refused_total", reason=reason.value) == 1


async def test_client_that_offers_no_token_is_refused_at_the_handshake(stage: Stage) -> None:
    tunnel = await WebSocketTunnel.upgrade(stage)
    await tunnel.send(encode(HandshakeRequest(extended_auth=4)))
    assert kind_and_code(await tunnel.packet(), 8) == (PacketType.HANDSHAKE_RESPONSE, 0x800759E9)
    assert (await stage.broker.record()).reason is Reason.METHOD_UNSUPPORTED


@every_kind
async def test_alias_that_is_not_granted_has_its_code(stage: Stage, kind: str) -> None:
    """Check 10."""
    tunnel = await KINDS[kind](stage)
    with pytest.raises(TunnelRefused) as caught:
        await open_channel(tunnel, alias="other")
    assert (caught.value.stage, caught.value.code) == (TunnelStage.CHANNEL, 0x800759DA)
    assert await tunnel.packet() == b""
    record = await stage.broker.record()
    assert (record.reason, record.user) == (Reason.RESOURCE_NOT_GRANTED, "ann")


@pytest.mark.parametrize(
    "reason",
    [Reason.HOST_OFFLINE, Reason.AGENT_REFUSED, Reason.AGENT_SILENT, Reason.RDP_SERVER_DOWN],
)
@pytest.mark.parametrize("at_dial", [False, True])
async def test_host_that_cannot_be_reached_has_one_code_and_its_own_reason(
    stage: Stage, reason: Reason, at_dial: bool
) -> None:
    """Check 10."""

    async def refuse(_order: DialOrder) -> None:
        raise Refused(reason)

    stage.broker.agent = refuse
    stage.broker.place_refusal = None if at_dial else reason
    tunnel = await WebSocketTunnel.upgrade(stage)
    with pytest.raises(TunnelRefused) as caught:
        await open_channel(tunnel)
    assert (caught.value.stage, caught.value.code) == (TunnelStage.CHANNEL, 0x800759DD)
    record = await stage.broker.record()
    assert record.reason is reason
    assert (Step.PLACE in record.timeline) is at_dial
    assert Step.REVERSE not in record.timeline


async def test_host_leg_that_comes_late_is_refused(certificates: Certificates) -> None:
    async with staged(certificates, short(host_deadline_s=0.2)) as stage:
        orders: list[DialOrder] = []

        async def keep(order: DialOrder) -> None:
            orders.append(order)

        stage.broker.agent = keep
        tunnel = await WebSocketTunnel.upgrade(stage)
        with pytest.raises(TunnelRefused) as caught:
            await open_channel(tunnel)
        assert caught.value.code == 0x800759DD
        assert (await stage.broker.record()).reason is Reason.HOST_LEG_LATE
        answer, _ = await stage.present(orders[0].ticket.reveal())
        assert answer.status == 403
        assert stage.metrics.value("dialback_refused_total", reason="ticket-used") == 1


@every_kind
async def test_client_that_leaves_while_parked_cancels_its_place(stage: Stage, kind: str) -> None:
    stage.broker.place_waits.clear()
    tunnel = await KINDS[kind](stage)
    opening = asyncio.get_running_loop().create_task(open_channel(tunnel))
    async with asyncio.timeout(DEADLINE_S):
        await stage.broker.placing.wait()
        opening.cancel()
        await asyncio.wait([opening])
        await tunnel.end()
        await stage.broker.place_cancelled.wait()
    assert (await stage.broker.record()).reason is Reason.CLIENT_LEFT


async def test_client_that_says_goodbye_on_its_websocket_is_let_go(stage: Stage) -> None:
    tunnel = await WebSocketTunnel.upgrade(stage)
    await tunnel.peer.send(websocket.build_close(1000, mask_key=MASK))
    assert await tunnel.packet() == b""
    assert (await stage.broker.record()).reason is Reason.CLIENT_LEFT


@pytest.mark.parametrize("make", [WebSocketTunnel.upgrade, _no_in])
async def test_unfinished_tunnels_of_an_address_are_counted(certificates: Certificates, make: Make) -> None:
    async with staged(certificates, GatewaySettings(unfinished_per_address=2)) as stage:
        for _ in range(2):
            await make(stage)
        peer = await stage.connect()
        await peer.send(build_request("RDG_OUT_DATA", PATH, WEBSOCKET))
        assert (await response(peer))[0].status == 503
        assert (await stage.broker.record()).reason is Reason.TOO_MANY_TUNNELS


async def test_finished_tunnels_do_not_count_as_unfinished(certificates: Certificates) -> None:
    async with staged(certificates, short(unfinished_per_address=1)) as stage:
        for _ in range(3):
            await open_channel(await WebSocketTunnel.upgrade(stage))
            await stage.host()


@every_kind
async def test_server_stop_in_mid_session_tells_both_sides(stage: Stage, kind: str) -> None:
    tunnel = await KINDS[kind](stage)
    await open_channel(tunnel)
    host = await stage.host()
    closing = asyncio.get_running_loop().create_task(stage.tasks.close())
    assert kind_and_code(await tunnel.packet(), 8) == (PacketType.CLOSE_CHANNEL, 0x4D4)
    await tunnel.end()
    assert await host.receive_all() == b""
    await host.end()
    await closing
    record = await stage.broker.record()
    assert record.reason is Reason.SERVER_STOPPED
    assert record.ended_at is not None


async def test_server_stop_ends_tunnels_that_are_being_made(stage: Stage) -> None:
    await WebSocketTunnel.upgrade(stage)
    await LegacyTunnel.out(stage, legacy_headers())
    await stage.tasks.close()
    assert {record.reason for record in stage.broker.was_ended} == {Reason.SERVER_STOPPED}
    assert len(stage.broker.was_ended) == 2


async def test_host_leg_is_closed_when_the_relay_cannot_begin(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_tunnel: ServerTunnel) -> PacketReader:
        raise WireError("too much was sent unasked")

    monkeypatch.setattr(ServerTunnel, "surrender", refuse)
    tunnel = await WebSocketTunnel.upgrade(stage)
    await open_channel(tunnel)
    assert await (await stage.host()).receive_all() == b""
    assert await tunnel.packet() == b""
    assert (await stage.broker.record()).reason is Reason.PROTOCOL_VIOLATION

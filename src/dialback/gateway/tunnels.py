"""MS-TSGU client legs: `serve_out` reads from top to bottom as the life of a connection.

Read the head, answer, run the tunnel machine, ask *admit*, ask *place*, wait at the rendezvous, join, report.
The client authenticates by the token in TUNNEL_CREATE alone: there is never a 401, which stock clients with a
token take for final.

Source: [MS-TSGU] 3.3.5 Message Processing Events and Sequencing Rules (HTTP transport).
"""

import asyncio
import itertools
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import TypeVar

from dialback.domain.contracts import Admission
from dialback.domain.errors import Reason, Refused
from dialback.edge.accept import Arrival
from dialback.gateway.codes import code_of, redirection_flags
from dialback.gateway.connection import Connection, Gateway
from dialback.gateway.pairing import InRequest, Pairing, pair_key
from dialback.gateway.streams import ClientStream
from dialback.observe.log import get_logger
from dialback.relay.framings import LegacyCarrier, TsguFraming, WebSocketCarrier
from dialback.transport.leg import Leg, LegLost
from dialback.wire.errors import WireError
from dialback.wire.head import BodyReader, HeadReader, RequestHead, build_closing_response, build_response
from dialback.wire.tsgu.codes import SEED_BYTES, Capability, ErrorCode, ExtendedAuth
from dialback.wire.tsgu.server import (
    AuthorisationRequested,
    ChannelRequested,
    CloseRequested,
    Event,
    HandshakeRequested,
    KeepaliveReceived,
    ServerTunnel,
    TunnelRequested,
    service_message,
)
from dialback.wire.websocket import FrameReader, accept_key

PATH = "/remotedesktopgateway"
OUT_METHOD = "RDG_OUT_DATA"
IN_METHOD = "RDG_IN_DATA"
MESSAGE_BYTES = 128 * 1024

_log = get_logger(__name__)
_E = TypeVar("_E", bound=Event)


class Tunnels:
    """Serves `RDG_OUT_DATA` and `RDG_IN_DATA` of one gateway node."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._pairing = Pairing()
        self._unfinished: Counter[str] = Counter()
        self._ids = itertools.count(1)

    async def serve_out(self, head: RequestHead, leg: Leg, arrival: Arrival) -> None:
        """Serve a tunnel from its OUT request to its end."""
        transport = "tsgu-websocket" if head.wants_websocket else "tsgu-legacy"
        connection = Connection(self._gateway, transport, leg, arrival)
        async with connection.recorded():
            with ExitStack() as unfinished:
                await self._take_slot(leg, unfinished)
                async with self._stream(head, leg) as stream:
                    await self._serve(connection, stream, unfinished)

    async def _serve(self, connection: Connection, stream: ClientStream, unfinished: ExitStack) -> None:
        tunnel = ServerTunnel()
        with _violations_told(tunnel, stream):
            async with asyncio.timeout(self._gateway.settings.handshake_deadline_s):
                admission = await self._admit(connection, tunnel, stream)
            unfinished.close()
            host = await self._open_channel(connection, tunnel, stream, admission)
        framing = TsguFraming(stream.carrier, tunnel.surrender())
        await connection.relay(stream.end(framing), host)

    async def serve_in(self, head: RequestHead, leg: Leg, _arrival: Arrival) -> None:
        """Serve the IN request of a legacy tunnel: give its leg to the OUT request that waits for it."""
        key = pair_key(head, leg)
        if not self._pairing.expected(key):
            _log.debug("no OUT request waits for this IN request", peer=leg.peer)
            await _refuse(leg, 404)
            return
        if "transfer-encoding" not in dict(head.headers):
            leg.send(build_response(200, [("Content-Length", "0")]))
            try:
                async with asyncio.timeout(self._gateway.settings.pairing_deadline_s):
                    head = await _next_head(leg)
            except (WireError, TimeoutError, OSError) as error:
                _log.debug("the IN request was not completed", peer=leg.peer, why=str(error))
                await _refuse(leg, 400)
                return
        if head.method != IN_METHOD or pair_key(head, leg) != key:
            await _refuse(leg, 400)
        elif not self._pairing.meet(key, InRequest(leg, BodyReader(head))):
            await _refuse(leg, 404)

    @asynccontextmanager
    async def _stream(self, head: RequestHead, leg: Leg) -> AsyncIterator[ClientStream]:
        stream = await (self._upgrade(head, leg) if head.wants_websocket else self._pair(head, leg))
        try:
            yield stream
        finally:
            await asyncio.shield(stream.close())

    async def _upgrade(self, head: RequestHead, leg: Leg) -> ClientStream:
        # FreeRDP 2 sends 15 characters that are no base64 as key: whatever came is hashed.
        accept = accept_key(head.header("sec-websocket-key") or "")
        leg.send(switching_protocols(accept))
        reader = FrameReader(masked=True, max_message_bytes=MESSAGE_BYTES)
        return ClientStream(leg, leg, WebSocketCarrier(reader))

    async def _pair(self, head: RequestHead, leg: Leg) -> ClientStream:
        with self._pairing.expect(pair_key(head, leg)) as arriving:
            # Neither length header: the body lasts until close, and clients skip exactly ten seed bytes.
            leg.send(
                build_response(200, [("Content-Type", "application/octet-stream")])
                + secrets.token_bytes(SEED_BYTES)
            )
            try:
                async with asyncio.timeout(self._gateway.settings.pairing_deadline_s):
                    request = await arriving
            except TimeoutError as error:
                await leg.close()
                raise Refused(Reason.DEADLINE_PASSED, "no IN request for the OUT request") from error
        return ClientStream(request.leg, leg, LegacyCarrier(request.body))

    async def _take_slot(self, leg: Leg, unfinished: ExitStack) -> None:
        """Count the tunnel among the unfinished ones of its address until the stack is closed."""
        if self._unfinished[leg.peer] >= self._gateway.settings.unfinished_per_address:
            await _refuse(leg, 503)
            raise Refused(Reason.TOO_MANY_TUNNELS, leg.peer)
        self._unfinished[leg.peer] += 1
        unfinished.callback(self._free_slot, leg.peer)

    def _free_slot(self, peer: str) -> None:
        self._unfinished[peer] -= 1
        if not self._unfinished[peer]:
            del self._unfinished[peer]

    async def _admit(self, connection: Connection, tunnel: ServerTunnel, stream: ClientStream) -> Admission:
        handshake = await _expect(HandshakeRequested, tunnel, stream)
        if handshake.ext_auth and not handshake.ext_auth & ExtendedAuth.PAA:
            stream.send(tunnel.refuse_handshake(ErrorCode.CAPABILITY_MISMATCH))
            raise Refused(Reason.METHOD_UNSUPPORTED, f"offered {handshake.ext_auth:#x}")
        stream.send(tunnel.accept_handshake(handshake.ext_auth & ExtendedAuth.PAA))
        request = await _expect(TunnelRequested, tunnel, stream)
        try:
            if request.cookie_malformed:
                raise Refused(Reason.TOKEN_MALFORMED, "the cookie is no text")
            admission = await connection.admit(request.cookie or "")
        except Refused as refused:
            stream.send(tunnel.refuse_tunnel(code_of(refused.reason)))
            raise
        messages = request.capabilities & Capability.SERVICE_MESSAGE
        stream.send(tunnel.accept_tunnel(next(self._ids), Capability.IDLE_TIMEOUT | messages))
        return admission

    async def _open_channel(
        self, connection: Connection, tunnel: ServerTunnel, stream: ClientStream, admission: Admission
    ) -> Leg:
        async with asyncio.timeout(self._gateway.settings.channel_deadline_s):
            authorisation = await _expect(AuthorisationRequested, tunnel, stream)
            connection.name_client(authorisation.client_name)
            stream.send(
                tunnel.accept_authorisation(
                    redirection_flags(admission.redirections), admission.idle_timeout_minutes
                )
            )
            channel = await _expect(ChannelRequested, tunnel, stream)
        try:
            host = await connection.reach(admission, channel.names, stream.source, stream.sink)
        except Refused as refused:
            stream.send(tunnel.refuse_channel(code_of(refused.reason)))
            raise
        stream.send(tunnel.accept_channel())
        if connection.notice and tunnel.takes_messages:
            stream.send(service_message(connection.notice))
        return host


def switching_protocols(accept: str) -> bytes:
    """Return the answer to a WebSocket upgrade: no extension, no subprotocol, no body."""
    return build_response(
        101, [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
    )


@contextmanager
def _violations_told(tunnel: ServerTunnel, stream: ClientStream) -> Iterator[None]:
    try:
        yield
    except WireError:
        if reply := tunnel.violation_reply():
            stream.send(reply)
        raise


async def _expect(kind: type[_E], tunnel: ServerTunnel, stream: ClientStream) -> _E:
    """Return the client's next request, which the machine allows to be of this kind alone."""
    while True:
        event = tunnel.next_event()
        if isinstance(event, kind):
            return event
        if event is None:
            tunnel.receive(await stream.receive())
        elif isinstance(event, CloseRequested):
            raise LegLost("the client closed the channel it had asked for")
        elif not isinstance(event, KeepaliveReceived):
            raise WireError(f"expected {kind.__name__}, got {type(event).__name__}")


async def _next_head(leg: Leg) -> RequestHead:
    reader = HeadReader()
    while True:
        data = await leg.receive()
        if not data:
            raise WireError("expected a second IN request, got the end")
        if (head := reader.feed(data)) is not None:
            leg.unread(reader.leftover)
            return head


async def _refuse(leg: Leg, status: int) -> None:
    leg.send(build_closing_response(status))
    await leg.close()

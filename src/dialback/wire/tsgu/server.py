"""The gateway's side of a tunnel, from the handshake to the open channel: bytes in, events out.

Strategy: `receive` only stores; `next_event` reads one packet and says what the client asks; an answer
returns the bytes to send and moves on. TRANSITIONS holds the whole protocol: a step that is not in it is the
client's violation if it is a packet (`WireError`), our misuse if it is an answer (`StateError`).

The client works in lock step: it asks nothing while its last request is unanswered, save that it may end a
channel it waits for. Keepalives come at any time after the handshake and get no answer, since clients echo
them. Packets of unknown types are skipped. When the channel is open, DATA is not read here: the relay takes
over with `surrender`.

Left out: SSPI and smart card authentication, reauthentication, consent messages, UDP.

Source: [MS-TSGU], section 3.3, HTTP transport, server side.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from dialback.wire.errors import StateError, WireError
from dialback.wire.tsgu.codes import Capability, ErrorCode, PacketType, is_failure
from dialback.wire.tsgu.packets import (
    MAX_PACKET_BYTES,
    ChannelCreate,
    ChannelResponse,
    CloseChannel,
    CloseChannelResponse,
    HandshakeRequest,
    HandshakeResponse,
    Keepalive,
    Packet,
    PacketBuffer,
    PacketReader,
    ServiceMessage,
    TunnelAuth,
    TunnelAuthResponse,
    TunnelCreate,
    TunnelResponse,
    decode,
    encode,
    text_of_cookie,
)


class ServerState(Enum):
    """How far the tunnel is; `…_ASKED` means that the client waits for our answer."""

    READY = auto()
    HANDSHAKE_ASKED = auto()
    HANDSHAKEN = auto()
    TUNNEL_ASKED = auto()
    TUNNELLED = auto()
    AUTHORISATION_ASKED = auto()
    AUTHORISED = auto()
    CHANNEL_ASKED = auto()
    OPEN = auto()
    SURRENDERED = auto()
    CLOSED = auto()


class Answer(Enum):
    """What our side does."""

    ACCEPT_HANDSHAKE = auto()
    REFUSE_HANDSHAKE = auto()
    ACCEPT_TUNNEL = auto()
    REFUSE_TUNNEL = auto()
    ACCEPT_AUTHORISATION = auto()
    REFUSE_AUTHORISATION = auto()
    ACCEPT_CHANNEL = auto()
    REFUSE_CHANNEL = auto()
    SURRENDER = auto()


Step: TypeAlias = PacketType | Answer

TRANSITIONS: Final[dict[tuple[ServerState, Step], ServerState]] = {
    (ServerState.READY, PacketType.HANDSHAKE_REQUEST): ServerState.HANDSHAKE_ASKED,
    (ServerState.HANDSHAKE_ASKED, Answer.ACCEPT_HANDSHAKE): ServerState.HANDSHAKEN,
    (ServerState.HANDSHAKE_ASKED, Answer.REFUSE_HANDSHAKE): ServerState.CLOSED,
    (ServerState.HANDSHAKEN, PacketType.TUNNEL_CREATE): ServerState.TUNNEL_ASKED,
    (ServerState.HANDSHAKEN, PacketType.KEEPALIVE): ServerState.HANDSHAKEN,
    (ServerState.TUNNEL_ASKED, Answer.ACCEPT_TUNNEL): ServerState.TUNNELLED,
    (ServerState.TUNNEL_ASKED, Answer.REFUSE_TUNNEL): ServerState.CLOSED,
    (ServerState.TUNNEL_ASKED, PacketType.KEEPALIVE): ServerState.TUNNEL_ASKED,
    (ServerState.TUNNELLED, PacketType.TUNNEL_AUTH): ServerState.AUTHORISATION_ASKED,
    (ServerState.TUNNELLED, PacketType.KEEPALIVE): ServerState.TUNNELLED,
    (ServerState.AUTHORISATION_ASKED, Answer.ACCEPT_AUTHORISATION): ServerState.AUTHORISED,
    (ServerState.AUTHORISATION_ASKED, Answer.REFUSE_AUTHORISATION): ServerState.CLOSED,
    (ServerState.AUTHORISATION_ASKED, PacketType.KEEPALIVE): ServerState.AUTHORISATION_ASKED,
    (ServerState.AUTHORISED, PacketType.CHANNEL_CREATE): ServerState.CHANNEL_ASKED,
    (ServerState.AUTHORISED, PacketType.KEEPALIVE): ServerState.AUTHORISED,
    (ServerState.CHANNEL_ASKED, Answer.ACCEPT_CHANNEL): ServerState.OPEN,
    (ServerState.CHANNEL_ASKED, Answer.REFUSE_CHANNEL): ServerState.CLOSED,
    (ServerState.CHANNEL_ASKED, PacketType.KEEPALIVE): ServerState.CHANNEL_ASKED,
    (ServerState.CHANNEL_ASKED, PacketType.CLOSE_CHANNEL): ServerState.CLOSED,
    (ServerState.OPEN, PacketType.KEEPALIVE): ServerState.OPEN,
    (ServerState.OPEN, PacketType.CLOSE_CHANNEL): ServerState.CLOSED,
    (ServerState.OPEN, Answer.SURRENDER): ServerState.SURRENDERED,
}
"""Besides these, a violation closes every state."""

MAX_WAITING_BYTES: Final = 2 * MAX_PACKET_BYTES
"""What may wait unread: one packet that is still cut, and what one read brings behind it."""

KEEPALIVE: Final = encode(Keepalive())
"""A whole KEEPALIVE packet, for an open channel only: before, clients take it for a fault."""


@dataclass(frozen=True, slots=True)
class HandshakeRequested:
    """The client said hello; `ext_auth` holds `ExtendedAuth` bits, `version` is (major, minor)."""

    ext_auth: int
    version: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TunnelRequested:
    """The client asks for a tunnel.

    `cookie` is None if there is none, or if it is no printable text: then `cookie_malformed` is True.
    `capabilities` holds `Capability` bits.
    """

    cookie: str | None = field(repr=False)
    capabilities: int
    reauth_context: int | None
    cookie_malformed: bool = False


@dataclass(frozen=True, slots=True)
class AuthorisationRequested:
    """The client asks what it may do; the machine name is its own claim."""

    client_name: str


@dataclass(frozen=True, slots=True)
class ChannelRequested:
    """The client asks for a channel; `names` are the resource names, then the alternative ones."""

    names: tuple[str, ...]
    port: int


@dataclass(frozen=True, slots=True)
class KeepaliveReceived:
    """The client is alive; this is not to be answered."""


@dataclass(frozen=True, slots=True)
class CloseRequested:
    """The client ended the channel, or gave up waiting for it; answer with `close_channel_response`."""

    status: int


Event: TypeAlias = (
    HandshakeRequested
    | TunnelRequested
    | AuthorisationRequested
    | ChannelRequested
    | KeepaliveReceived
    | CloseRequested
)


class ServerTunnel:
    """The server's machine for one tunnel.

    After `next_event` raised `WireError`, send `violation_reply()` and close.
    """

    def __init__(self) -> None:
        self._state = ServerState.READY
        self._buffer = PacketBuffer()
        self._flooded = False
        self._violation_reply = b""
        self.takes_messages = False
        """Whether the client takes service messages, and was told that there may be some."""

    @property
    def state(self) -> ServerState:
        """How far the tunnel is."""
        return self._state

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Store bytes of the client's stream; they are copied. A closed tunnel drops them.

        Raises:
            StateError: the stream was surrendered.
        """
        if self._state is ServerState.SURRENDERED:
            raise StateError("expected no bytes after the tunnel was surrendered")
        if self._state is ServerState.CLOSED or self._flooded:
            return
        if len(self._buffer) + len(data) > MAX_WAITING_BYTES:
            self._flooded = True
            return
        self._buffer.add(data)

    def next_event(self) -> Event | None:
        """Return what the client did next; None if more bytes are needed, or the next packet is the relay's.

        Raises:
            WireError: the client broke the format or the order, or sent too much unasked.
        """
        if self._state in (ServerState.SURRENDERED, ServerState.CLOSED):
            return None
        try:
            return self._read_event()
        except WireError:
            self._violation_reply = _VIOLATION_REPLIES[self._state]
            self._close()
            raise

    def violation_reply(self) -> bytes:
        """Return what tells the client of its violation, in the form it expects; empty if there was none."""
        return self._violation_reply

    def accept_handshake(self, ext_auth: int) -> bytes:
        """Accept the handshake with these `ExtendedAuth` bits."""
        return self._answer(Answer.ACCEPT_HANDSHAKE, HandshakeResponse(extended_auth=ext_auth))

    def refuse_handshake(self, code: int) -> bytes:
        """Refuse the handshake with a failing HRESULT; this ends the tunnel."""
        return self._refuse(Answer.REFUSE_HANDSHAKE, code, _handshake_refusal)

    def accept_tunnel(self, tunnel_id: int, capabilities: int = Capability.IDLE_TIMEOUT) -> bytes:
        """Accept the tunnel; `tunnel_id` is 1 or more, `capabilities` those the server uses."""
        self._expect(Answer.ACCEPT_TUNNEL)
        _check_id(tunnel_id)
        response = TunnelResponse(tunnel_id=tunnel_id, capabilities=capabilities)
        self.takes_messages = bool(capabilities & Capability.SERVICE_MESSAGE)
        return self._answer(Answer.ACCEPT_TUNNEL, response)

    def refuse_tunnel(self, code: int) -> bytes:
        """Refuse the tunnel with a failing HRESULT; this ends the tunnel."""
        return self._refuse(Answer.REFUSE_TUNNEL, code, _tunnel_refusal)

    def accept_authorisation(self, redirection_flags: int, idle_timeout_minutes: int) -> bytes:
        """Authorise the client: `Redirection` bits, and the idle time after which it ends (0: none)."""
        response = TunnelAuthResponse(
            redirection_flags=redirection_flags, idle_timeout_minutes=idle_timeout_minutes
        )
        return self._answer(Answer.ACCEPT_AUTHORISATION, response)

    def refuse_authorisation(self, code: int) -> bytes:
        """Refuse to authorise with any code but 0; this ends the tunnel."""
        self._expect(Answer.REFUSE_AUTHORISATION)
        if not code:
            raise ValueError("expected a code other than 0 to refuse with, got 0")
        return self._answer(Answer.REFUSE_AUTHORISATION, _authorisation_refusal(code))

    def accept_channel(self, channel_id: int = 1) -> bytes:
        """Open the channel; `channel_id` is 1 or more, since Windows clients insist on it."""
        self._expect(Answer.ACCEPT_CHANNEL)
        _check_id(channel_id)
        return self._answer(Answer.ACCEPT_CHANNEL, ChannelResponse(channel_id=channel_id))

    def refuse_channel(self, code: int) -> bytes:
        """Refuse the channel with a failing HRESULT; this ends the tunnel."""
        return self._refuse(Answer.REFUSE_CHANNEL, code, _channel_refusal)

    def surrender(self) -> PacketReader:
        """Give the client's stream away, with the bytes that were not read.

        Raises:
            StateError: the channel is not open.
            WireError: the client sent more than could be kept while it waited.
        """
        following = self._expect(Answer.SURRENDER)
        self._check_flood()
        reader = PacketReader(self._buffer.leftover)
        self._buffer.clear()
        self._state = following
        return reader

    def _read_event(self) -> Event | None:
        self._check_flood()
        while (number := self._buffer.next_type()) is not None:
            if self._state is ServerState.OPEN and number == PacketType.DATA:
                return None
            raw = self._buffer.next_packet()
            assert raw is not None
            if number in _KNOWN_TYPES:
                return self._take(PacketType(number), raw)
        return None

    def _take(self, packet_type: PacketType, raw: bytes) -> Event:
        following = TRANSITIONS.get((self._state, packet_type))
        if following is None:
            raise WireError(f"expected no {packet_type.name} in state {self._state.name}")
        event = _event_of(decode(raw))
        self._state = following
        if following is ServerState.CLOSED:
            self._close()
        return event

    def _answer(self, step: Answer, response: Packet) -> bytes:
        following = self._expect(step)
        raw = encode(response)
        self._state = following
        if following is ServerState.CLOSED:
            self._close()
        return raw

    def _refuse(self, step: Answer, code: int, refusal: Callable[[int], Packet]) -> bytes:
        self._expect(step)
        if not is_failure(code):
            raise ValueError(f"expected a code with the failure bit, got {code:#x}")
        return self._answer(step, refusal(code))

    def _expect(self, step: Answer) -> ServerState:
        following = TRANSITIONS.get((self._state, step))
        if following is None:
            raise StateError(f"expected no {step.name} in state {self._state.name}")
        return following

    def _check_flood(self) -> None:
        if self._flooded:
            raise WireError(f"expected at most {MAX_WAITING_BYTES} bytes unasked, got more")

    def _close(self) -> None:
        self._state = ServerState.CLOSED
        self._buffer.clear()


def close_channel(status: int) -> bytes:
    """Return the packet that ends an open channel; 0 and graceful disconnect are no errors to a client."""
    return encode(CloseChannel(status))


def close_channel_response(status: int = 0) -> bytes:
    """Return the answer to the client's end of a channel."""
    return encode(CloseChannelResponse(status))


def service_message(text: str) -> bytes:
    """Return a text for the user, for an open channel of a client that has `Capability.SERVICE_MESSAGE`."""
    return encode(ServiceMessage(text))


_KNOWN_TYPES = frozenset(PacketType)


def _event_of(packet: Packet) -> Event:
    match packet:
        case HandshakeRequest():
            return HandshakeRequested(packet.extended_auth, (packet.version_major, packet.version_minor))
        case TunnelCreate():
            return _tunnel_requested(packet)
        case TunnelAuth():
            return AuthorisationRequested(packet.client_name)
        case ChannelCreate():
            return ChannelRequested(packet.names + packet.alternative_names, packet.port)
        case CloseChannel():
            return CloseRequested(packet.status_code)
        case Keepalive():
            return KeepaliveReceived()
    raise AssertionError(f"no event for {type(packet).__name__}, yet TRANSITIONS let it pass")


def _tunnel_requested(packet: TunnelCreate) -> TunnelRequested:
    cookie, malformed = None, False
    if packet.cookie is not None:
        try:
            cookie = text_of_cookie(packet.cookie)
        except WireError:
            malformed = True
    return TunnelRequested(cookie, packet.capabilities, packet.reauth_context, malformed)


def _check_id(number: int) -> None:
    if number < 1:
        raise ValueError(f"expected an id of 1 or more, got {number}")


def _handshake_refusal(code: int) -> Packet:
    return HandshakeResponse(error_code=code)


def _tunnel_refusal(code: int) -> Packet:
    return TunnelResponse(status_code=code)


def _authorisation_refusal(code: int) -> Packet:
    return TunnelAuthResponse(error_code=code)


def _channel_refusal(code: int) -> Packet:
    return ChannelResponse(error_code=code)


_VIOLATION_REPLIES: Final[dict[ServerState, bytes]] = {
    state: encode(refusal(ErrorCode.INTERNAL_ERROR))
    for refusal, *states in (
        (_handshake_refusal, ServerState.READY, ServerState.HANDSHAKE_ASKED),
        (_tunnel_refusal, ServerState.HANDSHAKEN, ServerState.TUNNEL_ASKED),
        (_authorisation_refusal, ServerState.TUNNELLED, ServerState.AUTHORISATION_ASKED),
        (_channel_refusal, ServerState.AUTHORISED, ServerState.CHANNEL_ASKED),
        (CloseChannel, ServerState.OPEN),
    )
    for state in states
}
"""What a client waits for, or will next wait for, in each state that a violation can end."""

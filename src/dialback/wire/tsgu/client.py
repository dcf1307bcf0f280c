"""The client's side of a tunnel, up to the open channel: bytes in, bytes to send out.

The machine has one thing to say at each point, so `receive` answers by itself: handshake, tunnel with the PAA
cookie, authorisation, channel. TRANSITIONS holds the whole protocol; a packet that is not in it is the
server's violation. Packets of unknown types are skipped.

Left out: SSPI and smart card authentication, reauthentication, consent (a server that asks for it gets the
tunnel without an answer), UDP.

Source: [MS-TSGU], HTTP transport, client side.
"""

from enum import Enum, StrEnum, auto
from typing import Final

from dialback.wire.errors import StateError, WireError
from dialback.wire.tsgu.codes import Capability, ExtendedAuth, PacketType, is_failure
from dialback.wire.tsgu.packets import (
    ChannelCreate,
    ChannelResponse,
    HandshakeRequest,
    HandshakeResponse,
    Packet,
    PacketBuffer,
    PacketReader,
    TunnelAuth,
    TunnelAuthResponse,
    TunnelCreate,
    TunnelResponse,
    cookie_of_text,
    decode,
    encode,
    packet_type,
)


class ClientState(Enum):
    """How far the tunnel is; `…_SENT` means that we wait for the server's answer."""

    READY = auto()
    HANDSHAKE_SENT = auto()
    TUNNEL_SENT = auto()
    AUTHORISATION_SENT = auto()
    CHANNEL_SENT = auto()
    OPEN = auto()
    SURRENDERED = auto()
    CLOSED = auto()


class Order(Enum):
    """What our side does unasked."""

    START = auto()
    SURRENDER = auto()


TRANSITIONS: Final[dict[tuple[ClientState, PacketType | Order], ClientState]] = {
    (ClientState.READY, Order.START): ClientState.HANDSHAKE_SENT,
    (ClientState.HANDSHAKE_SENT, PacketType.HANDSHAKE_RESPONSE): ClientState.TUNNEL_SENT,
    (ClientState.TUNNEL_SENT, PacketType.TUNNEL_RESPONSE): ClientState.AUTHORISATION_SENT,
    (ClientState.AUTHORISATION_SENT, PacketType.TUNNEL_AUTH_RESPONSE): ClientState.CHANNEL_SENT,
    (ClientState.CHANNEL_SENT, PacketType.CHANNEL_RESPONSE): ClientState.OPEN,
    (ClientState.OPEN, Order.SURRENDER): ClientState.SURRENDERED,
}
"""Besides these, a refusal or a violation closes every state before OPEN."""


class TunnelStage(StrEnum):
    """What a server can refuse."""

    HANDSHAKE = "handshake"
    TUNNEL = "tunnel"
    AUTHORISATION = "authorisation"
    CHANNEL = "channel"


class TunnelRefused(Exception):
    """The server said no: at which stage, and with which code."""

    def __init__(self, stage: TunnelStage, code: int) -> None:
        super().__init__(f"the gateway refused the {stage} with {code:#010x}")
        self.stage = stage
        self.code = code


class ClientTunnel:
    """The client's machine for one tunnel with one channel.

    Args:
        cookie: the token.
        client_name: the name of this machine, for the server's log.
        alias: the resource to reach.
        port: the port that goes with it.
    """

    def __init__(self, cookie: str, client_name: str, alias: str, port: int) -> None:
        self._requests: dict[ClientState, Packet] = {
            ClientState.HANDSHAKE_SENT: HandshakeRequest(extended_auth=ExtendedAuth.PAA),
            ClientState.TUNNEL_SENT: TunnelCreate(
                capabilities=Capability.IDLE_TIMEOUT | Capability.SERVICE_MESSAGE,
                cookie=cookie_of_text(cookie),
            ),
            ClientState.AUTHORISATION_SENT: TunnelAuth(client_name),
            ClientState.CHANNEL_SENT: ChannelCreate((alias,), port=port),
        }
        self._state = ClientState.READY
        self._buffer = PacketBuffer()
        self._redirection_flags = 0
        self._idle_timeout_minutes = 0

    @property
    def state(self) -> ClientState:
        """How far the tunnel is."""
        return self._state

    @property
    def open(self) -> bool:
        """Say whether the channel is open."""
        return self._state is ClientState.OPEN

    @property
    def redirection_flags(self) -> int:
        """The server's `Redirection` bits; 0 until it authorised, or if it sent none."""
        return self._redirection_flags

    @property
    def idle_timeout_minutes(self) -> int:
        """The idle time after which the server wants the client to end; 0 for none."""
        return self._idle_timeout_minutes

    def start(self) -> bytes:
        """Return the first packet.

        Raises:
            StateError: it was started before.
        """
        self._state = self._expect(Order.START)
        return encode(self._requests[self._state])

    def receive(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take bytes of the server's stream, and return what to send next: often nothing.

        Raises:
            StateError: nothing was asked, or the channel is open and the stream is to be surrendered.
            TunnelRefused: the server said no; the machine is closed.
            WireError: the server broke the format or the order; the machine is closed.
        """
        if self._state not in self._requests:
            raise StateError(f"expected no bytes in state {self._state.name}")
        self._buffer.add(data)
        try:
            return self._proceed()
        except (TunnelRefused, WireError):
            self._state = ClientState.CLOSED
            raise

    def surrender(self) -> PacketReader:
        """Give the server's stream away, with the bytes that were not read.

        Raises:
            StateError: the channel is not open.
        """
        self._state = self._expect(Order.SURRENDER)
        return PacketReader(self._buffer.leftover)

    def _proceed(self) -> bytes:
        requests = bytearray()
        while not self.open and (raw := self._buffer.next_packet()) is not None:
            number = packet_type(raw)
            if number in _KNOWN_TYPES:
                requests += self._answer_to(PacketType(number), raw)
        return bytes(requests)

    def _answer_to(self, step: PacketType, raw: bytes) -> bytes:
        following = TRANSITIONS.get((self._state, step))
        if following is None:
            raise WireError(f"expected no {step.name} in state {self._state.name}")
        self._learn(decode(raw))
        self._state = following
        return b"" if self.open else encode(self._requests[following])

    def _learn(self, packet: Packet) -> None:
        match packet:
            case HandshakeResponse():
                _check(TunnelStage.HANDSHAKE, packet.error_code)
            case TunnelResponse():
                _check(TunnelStage.TUNNEL, packet.status_code)
            case ChannelResponse():
                _check(TunnelStage.CHANNEL, packet.error_code)
            case TunnelAuthResponse():
                if packet.error_code:
                    raise TunnelRefused(TunnelStage.AUTHORISATION, packet.error_code)
                self._redirection_flags = packet.redirection_flags or 0
                self._idle_timeout_minutes = packet.idle_timeout_minutes or 0

    def _expect(self, order: Order) -> ClientState:
        following = TRANSITIONS.get((self._state, order))
        if following is None:
            raise StateError(f"expected no {order.name} in state {self._state.name}")
        return following


_KNOWN_TYPES = frozenset(PacketType)


def _check(stage: TunnelStage, code: int) -> None:
    """Refuse as stock clients do: by the failure bit alone."""
    if is_failure(code):
        raise TunnelRefused(stage, code)

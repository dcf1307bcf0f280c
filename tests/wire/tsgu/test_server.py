import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import StateError, WireError
from dialback.wire.tsgu.client import ClientTunnel
from dialback.wire.tsgu.codes import ErrorCode, PacketType
from dialback.wire.tsgu.packets import (
    ChannelCreate,
    ChannelResponse,
    CloseChannel,
    CloseChannelResponse,
    Data,
    ExtendedAuth,
    HandshakeRequest,
    HandshakeResponse,
    Keepalive,
    ServiceMessage,
    TunnelAuth,
    TunnelAuthResponse,
    TunnelCreate,
    TunnelResponse,
    Unknown,
    cookie_of_text,
    decode,
    encode,
)
from dialback.wire.tsgu.server import (
    KEEPALIVE,
    MAX_WAITING_BYTES,
    TRANSITIONS,
    Answer,
    AuthorisationRequested,
    ChannelRequested,
    CloseRequested,
    HandshakeRequested,
    KeepaliveReceived,
    ServerState,
    ServerTunnel,
    TunnelRequested,
    close_channel,
    close_channel_response,
    service_message,
)
from tests.wire.tsgu.playbook import Client, gateway, play
from tests.wire.tsgu.vectors import VECTORS

HELLO = HandshakeRequest(extended_auth=2)
TUNNEL = TunnelCreate(capabilities=0x0D, cookie=cookie_of_text("token"))
AUTH = TunnelAuth("PC1")
CHANNEL = ChannelCreate(("desk", "desk2"), ("other",))

HANDSHAKE_ASKED = (Client(HELLO), [HandshakeRequested(2, (1, 0))])
HANDSHAKEN = (gateway("accept_handshake", 2), [HandshakeResponse(extended_auth=2)])
TUNNEL_ASKED = (Client(TUNNEL), [TunnelRequested("token", 0x0D, None)])
TUNNELLED = (gateway("accept_tunnel", 7), [TunnelResponse(tunnel_id=7, capabilities=2)])
AUTHORISATION_ASKED = (Client(AUTH), [AuthorisationRequested("PC1")])
AUTHORISED = (
    gateway("accept_authorisation", 0x80000000, 30),
    [TunnelAuthResponse(redirection_flags=0x80000000, idle_timeout_minutes=30)],
)
CHANNEL_ASKED = (Client(CHANNEL), [ChannelRequested(("desk", "desk2", "other"), 3389)])
OPEN = (gateway("accept_channel"), [ChannelResponse(channel_id=1)])
WHOLE_LIFE = (
    HANDSHAKE_ASKED,
    HANDSHAKEN,
    TUNNEL_ASKED,
    TUNNELLED,
    AUTHORISATION_ASKED,
    AUTHORISED,
    CHANNEL_ASKED,
    OPEN,
)
LIVING = list(ServerState)[: len(WHOLE_LIFE) + 1]
"""The states through which the whole life goes, in order."""

ANSWERS = {
    Answer.ACCEPT_HANDSHAKE: gateway("accept_handshake", 2),
    Answer.REFUSE_HANDSHAKE: gateway("refuse_handshake", ErrorCode.CAPABILITY_MISMATCH),
    Answer.ACCEPT_TUNNEL: gateway("accept_tunnel", 1),
    Answer.REFUSE_TUNNEL: gateway("refuse_tunnel", ErrorCode.COOKIE_ACCESS_DENIED),
    Answer.ACCEPT_AUTHORISATION: gateway("accept_authorisation", 0x80000000, 0),
    Answer.REFUSE_AUTHORISATION: gateway("refuse_authorisation", ErrorCode.NAP_ACCESS_DENIED),
    Answer.ACCEPT_CHANNEL: gateway("accept_channel"),
    Answer.REFUSE_CHANNEL: gateway("refuse_channel", ErrorCode.TS_CONNECT_FAILED),
    Answer.SURRENDER: gateway("surrender"),
}
REPLIES = {
    ServerState.READY: HandshakeResponse(error_code=0x800759D8),
    ServerState.HANDSHAKE_ASKED: HandshakeResponse(error_code=0x800759D8),
    ServerState.HANDSHAKEN: TunnelResponse(status_code=0x800759D8),
    ServerState.TUNNEL_ASKED: TunnelResponse(status_code=0x800759D8),
    ServerState.TUNNELLED: TunnelAuthResponse(error_code=0x800759D8),
    ServerState.AUTHORISATION_ASKED: TunnelAuthResponse(error_code=0x800759D8),
    ServerState.AUTHORISED: ChannelResponse(error_code=0x800759D8),
    ServerState.CHANNEL_ASKED: ChannelResponse(error_code=0x800759D8),
    ServerState.OPEN: CloseChannel(0x800759D8),
}
PACKETS = {packet_type: [] for packet_type in PacketType}
for _packet, _raw in VECTORS.values():
    if not isinstance(_packet, Unknown):
        PACKETS[PacketType(_raw[0])].append(_raw)

living = pytest.mark.parametrize("state", LIVING, ids=lambda state: state.name)


def tunnel_in(state):
    """Return a tunnel in the state, brought there by its whole life so far."""
    if state is ServerState.SURRENDERED:
        tunnel = tunnel_in(ServerState.OPEN)
        tunnel.surrender()
    elif state is ServerState.CLOSED:
        tunnel = tunnel_in(ServerState.CHANNEL_ASKED)
        tunnel.refuse_channel(ErrorCode.TS_CONNECT_FAILED)
    else:
        tunnel = play(*WHOLE_LIFE[: LIVING.index(state)])
    assert tunnel.state is state
    return tunnel


# Playbooks


def test_tunnel_lives_from_handshake_to_open_channel():
    tunnel = play(*WHOLE_LIFE)
    assert tunnel.state is ServerState.OPEN
    assert tunnel.violation_reply() == b""


def test_pipelined_packets_wait_until_they_are_asked_for():
    tunnel = ServerTunnel()
    tunnel.receive(b"".join(map(encode, (HELLO, TUNNEL, AUTH))))
    assert tunnel.next_event() == HandshakeRequested(2, (1, 0))
    tunnel.accept_handshake(2)
    assert tunnel.next_event() == TunnelRequested("token", 0x0D, None)
    tunnel.accept_tunnel(1)
    assert tunnel.next_event() == AuthorisationRequested("PC1")
    assert tunnel.next_event() is None


def test_next_request_before_the_answer_is_a_violation():
    play(
        (
            Client(encode(HELLO) + encode(TUNNEL)),
            [
                HandshakeRequested(2, (1, 0)),
                "WireError: expected no TUNNEL_CREATE in state HANDSHAKE_ASKED",
            ],
        ),
        (
            gateway("violation_reply"),
            [HandshakeResponse(error_code=0x800759D8)],
        ),
        (
            gateway("accept_handshake", 2),
            ["StateError: expected no ACCEPT_HANDSHAKE in state CLOSED"],
        ),
    )


def test_server_refuses_channel_before_tunnel_is_authorised():
    play(
        *WHOLE_LIFE[:4],
        (Client(CHANNEL), ["WireError: expected no CHANNEL_CREATE in state TUNNELLED"]),
        (gateway("violation_reply"), [TunnelAuthResponse(error_code=0x800759D8)]),
    )


def test_parked_client_may_send_keepalives_and_give_up():
    play(
        *WHOLE_LIFE[:7],
        (Client(Keepalive()), [KeepaliveReceived()]),
        (Client(Keepalive()), [KeepaliveReceived()]),
        (Client(CloseChannel(5)), [CloseRequested(5)]),
        (gateway("accept_channel"), ["StateError: expected no ACCEPT_CHANNEL in state CLOSED"]),
    )


def test_unknown_packets_are_skipped_in_every_state():
    skipped = (Client(Unknown(0x99, b"whatever")), [])
    tunnel = play(*itertools.chain.from_iterable((skipped, line) for line in WHOLE_LIFE), skipped)
    assert tunnel.state is ServerState.OPEN


def test_authentication_by_exchange_of_tokens_is_a_violation():
    play(
        *WHOLE_LIFE[:2],
        (Client(ExtendedAuth()), ["WireError: expected no EXTENDED_AUTH in state HANDSHAKEN"]),
        (gateway("violation_reply"), [TunnelResponse(status_code=0x800759D8)]),
    )


@pytest.mark.parametrize(
    ("packet", "event"),
    [
        (TunnelCreate(1), TunnelRequested(None, 1, None)),
        (TunnelCreate(1, reauth_context=9), TunnelRequested(None, 1, 9)),
        (TunnelCreate(1, cookie=b""), TunnelRequested("", 1, None)),
        (TunnelCreate(1, cookie=b"a\0"), TunnelRequested("a", 1, None)),
        (TunnelCreate(1, cookie=b"a\0\0"), TunnelRequested(None, 1, None, cookie_malformed=True)),
        (TunnelCreate(1, cookie=b"a\0\0\0b\0"), TunnelRequested(None, 1, None, cookie_malformed=True)),
        (TunnelCreate(1, cookie=b"\x1b\0"), TunnelRequested(None, 1, None, cookie_malformed=True)),
        (TunnelCreate(1, cookie=b"\x00\xd8"), TunnelRequested(None, 1, None, cookie_malformed=True)),
    ],
)
def test_malformed_cookie_leaves_the_choice_of_the_answer(packet, event):
    play(
        *WHOLE_LIFE[:2],
        (Client(packet), [event]),
        (
            gateway("refuse_tunnel", ErrorCode.COOKIE_BAD_PACKET),
            [TunnelResponse(status_code=0x800759F7)],
        ),
    )


def test_cookie_does_not_show_itself():
    assert "token" not in repr(TunnelRequested("token", 0, None))


@pytest.mark.parametrize(
    ("state", "step", "refusal"),
    [
        (ServerState.HANDSHAKE_ASKED, Answer.REFUSE_HANDSHAKE, HandshakeResponse(error_code=0x800759E9)),
        (ServerState.TUNNEL_ASKED, Answer.REFUSE_TUNNEL, TunnelResponse(status_code=0x800759F8)),
        (
            ServerState.AUTHORISATION_ASKED,
            Answer.REFUSE_AUTHORISATION,
            TunnelAuthResponse(error_code=0x800759DB),
        ),
        (ServerState.CHANNEL_ASKED, Answer.REFUSE_CHANNEL, ChannelResponse(error_code=0x800759DD)),
    ],
)
def test_refusal_carries_its_code_alone_and_ends_the_tunnel(state, step, refusal):
    tunnel = tunnel_in(state)
    tunnel.receive(KEEPALIVE)
    assert getattr(tunnel, ANSWERS[step].method)(*ANSWERS[step].arguments) == encode(refusal)
    assert tunnel.state is ServerState.CLOSED
    assert tunnel.next_event() is None


@pytest.mark.parametrize(
    ("state", "method", "code"),
    [
        (ServerState.HANDSHAKE_ASKED, "refuse_handshake", ErrorCode.NOT_SUPPORTED),
        (ServerState.TUNNEL_ASKED, "refuse_tunnel", ErrorCode.MAX_CONNECTIONS_REACHED),
        (ServerState.AUTHORISATION_ASKED, "refuse_authorisation", ErrorCode.SUCCESS),
        (ServerState.CHANNEL_ASKED, "refuse_channel", ErrorCode.ACCESS_DENIED),
        (ServerState.TUNNEL_ASKED, "accept_tunnel", 0),
        (ServerState.CHANNEL_ASKED, "accept_channel", 0),
        (ServerState.HANDSHAKE_ASKED, "accept_handshake", 0x10000),
    ],
)
def test_answer_that_clients_would_misread_changes_nothing(state, method, code):
    tunnel = tunnel_in(state)
    with pytest.raises(ValueError, match="expected"):
        getattr(tunnel, method)(code)
    assert tunnel.state is state


# Each state x each event


@living
@pytest.mark.parametrize("packet_type", PacketType, ids=lambda packet_type: packet_type.name)
def test_each_packet_is_in_the_table_or_a_violation(state, packet_type):
    for raw in PACKETS[packet_type]:
        tunnel = tunnel_in(state)
        tunnel.receive(raw)
        if (state, packet_type) in TRANSITIONS:
            assert tunnel.next_event() is not None
            assert tunnel.state is TRANSITIONS[state, packet_type]
            assert tunnel.violation_reply() == b""
        elif state is ServerState.OPEN and packet_type is PacketType.DATA:
            assert tunnel.next_event() is None
            assert tunnel.surrender().leftover == raw
        else:
            with pytest.raises(WireError, match=f"expected no {packet_type.name} in state {state.name}"):
                tunnel.next_event()
            assert tunnel.state is ServerState.CLOSED
            assert decode(tunnel.violation_reply()) == REPLIES[state]


@pytest.mark.parametrize(
    ("state", "packet_type"),
    [key for key in TRANSITIONS if isinstance(key[1], PacketType) and key[1] is not PacketType.KEEPALIVE],
    ids=lambda key: key.name,
)
def test_each_cut_body_is_a_violation(state, packet_type):
    tunnel = tunnel_in(state)
    tunnel.receive(encode(Unknown(packet_type, b"\x01")))
    with pytest.raises(WireError):
        tunnel.next_event()
    assert decode(tunnel.violation_reply()) == REPLIES[state]


@living
def test_header_of_a_bad_size_is_a_violation_before_its_body_comes(state):
    tunnel = tunnel_in(state)
    tunnel.receive(b"\x0d\0\0\0\x07\0\0\0")
    with pytest.raises(WireError, match="got 7"):
        tunnel.next_event()
    assert decode(tunnel.violation_reply()) == REPLIES[state]


@pytest.mark.parametrize("state", ServerState, ids=lambda state: state.name)
@pytest.mark.parametrize("step", Answer, ids=lambda step: step.name)
def test_each_answer_is_in_the_table_or_changes_nothing(state, step):
    tunnel = tunnel_in(state)
    call = getattr(tunnel, ANSWERS[step].method)
    if (state, step) in TRANSITIONS:
        call(*ANSWERS[step].arguments)
        assert tunnel.state is TRANSITIONS[state, step]
    else:
        with pytest.raises(StateError, match=f"expected no {step.name} in state {state.name}"):
            call(*ANSWERS[step].arguments)
        assert tunnel.state is state


def test_state_is_judged_before_the_code():
    with pytest.raises(StateError):
        ServerTunnel().refuse_channel(ErrorCode.SUCCESS)


# Bounds and the hand-over


def test_client_that_sends_too_much_unasked_is_cut_off():
    tunnel = tunnel_in(ServerState.CHANNEL_ASKED)
    for _ in range(MAX_WAITING_BYTES // 60_000 + 1):
        tunnel.receive(bytes(60_000))
    with pytest.raises(WireError, match=f"at most {MAX_WAITING_BYTES} bytes"):
        tunnel.next_event()
    assert decode(tunnel.violation_reply()) == ChannelResponse(error_code=0x800759D8)


def test_flooded_tunnel_is_not_surrendered_with_a_gap():
    tunnel = tunnel_in(ServerState.CHANNEL_ASKED)
    tunnel.receive(bytes(MAX_WAITING_BYTES))
    tunnel.receive(b"!")
    tunnel.accept_channel()
    with pytest.raises(WireError):
        tunnel.surrender()


def test_closed_tunnel_drops_bytes():
    tunnel = tunnel_in(ServerState.CLOSED)
    tunnel.receive(encode(HELLO))
    assert tunnel.next_event() is None


def test_surrendered_tunnel_takes_no_bytes():
    tunnel = tunnel_in(ServerState.SURRENDERED)
    assert tunnel.next_event() is None
    with pytest.raises(StateError):
        tunnel.receive(b"!")


def test_surrendered_reader_begins_with_the_bytes_left_over():
    tunnel = tunnel_in(ServerState.OPEN)
    stream = encode(Data(b"one")) + KEEPALIVE + encode(Data(b"two"))
    tunnel.receive(stream[:-1])
    assert tunnel.next_event() is None
    reader = tunnel.surrender()
    assert [decode(raw) for raw in reader.feed(b"")] == [Data(b"one"), Keepalive()]
    assert [decode(raw) for raw in reader.feed(stream[-1:])] == [Data(b"two")]


def test_packets_for_an_open_channel_are_whole_packets():
    assert decode(KEEPALIVE) == Keepalive()
    assert decode(close_channel(0x4CA)) == CloseChannel(0x4CA)
    assert decode(close_channel_response()) == CloseChannelResponse(0)
    assert decode(service_message("soon")) == ServiceMessage("soon")


# Against our client, and against anything


def answer(tunnel, event):
    match event:
        case HandshakeRequested():
            return tunnel.accept_handshake(event.ext_auth)
        case TunnelRequested():
            return tunnel.accept_tunnel(1)
        case AuthorisationRequested():
            return tunnel.accept_authorisation(0x40000000, 15)
        case ChannelRequested():
            return tunnel.accept_channel()
    return b""


@pytest.mark.parametrize("size", [*range(1, 30), 1000])
def test_both_sides_open_a_channel_however_their_streams_are_cut(size):
    server, client = ServerTunnel(), ClientTunnel("token", "PC1", "desk", 3389)
    to_server, events = client.start(), []
    while to_server:
        to_client = b""
        for at in range(0, len(to_server), size):
            server.receive(to_server[at : at + size])
            while (event := server.next_event()) is not None:
                events.append(event)
                to_client += answer(server, event)
        to_server = b"".join(
            client.receive(to_client[at : at + size]) for at in range(0, len(to_client), size)
        )
    assert events == [
        HandshakeRequested(2, (1, 0)),
        TunnelRequested("token", 0x0A, None),
        AuthorisationRequested("PC1"),
        ChannelRequested(("desk",), 3389),
    ]
    assert client.open
    assert (client.redirection_flags, client.idle_timeout_minutes) == (0x40000000, 15)
    assert server.state is ServerState.OPEN


pieces = st.lists(
    st.one_of(
        st.sampled_from([raw for _, raw in VECTORS.values()]),
        st.sampled_from([encode(packet) for packet in (HELLO, TUNNEL, AUTH, CHANNEL)]),
        st.binary(max_size=20),
    ),
    max_size=12,
)


@given(st.integers(0, 8), pieces)
def test_any_bytes_give_events_or_one_violation(start, stream):
    tunnel = tunnel_in(LIVING[start])
    for piece in stream:
        tunnel.receive(piece)
        try:
            while (event := tunnel.next_event()) is not None:
                answer(tunnel, event)
        except WireError:
            assert tunnel.state is ServerState.CLOSED
            assert decode(tunnel.violation_reply()) in REPLIES.values()
            assert tunnel.next_event() is None
            return
    assert tunnel.violation_reply() == b""

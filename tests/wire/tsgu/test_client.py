import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import StateError, WireError
from dialback.wire.tsgu.client import (
    TRANSITIONS,
    ClientState,
    ClientTunnel,
    Order,
    TunnelRefused,
    TunnelStage,
)
from dialback.wire.tsgu.codes import ErrorCode, PacketType
from dialback.wire.tsgu.packets import (
    ChannelCreate,
    ChannelResponse,
    Data,
    HandshakeRequest,
    HandshakeResponse,
    TunnelAuth,
    TunnelAuthResponse,
    TunnelCreate,
    TunnelResponse,
    Unknown,
    cookie_of_text,
    decode,
    encode,
)
from tests.wire.tsgu.vectors import VECTORS

ANSWERS = [
    encode(HandshakeResponse(extended_auth=2)),
    encode(TunnelResponse(tunnel_id=1, capabilities=2)),
    encode(TunnelAuthResponse(redirection_flags=0x1F, idle_timeout_minutes=5)),
    encode(ChannelResponse(channel_id=1)),
]
WAITING = [
    ClientState.HANDSHAKE_SENT,
    ClientState.TUNNEL_SENT,
    ClientState.AUTHORISATION_SENT,
    ClientState.CHANNEL_SENT,
]
OK = {raw[0]: raw for raw in ANSWERS}


def tunnel_in(state):
    """Return a tunnel in the state, brought there by answers that accept."""
    tunnel = ClientTunnel("token", "PC1", "desk", 3389)
    if state is ClientState.READY:
        return tunnel
    tunnel.start()
    if state is ClientState.CLOSED:
        with pytest.raises(WireError):
            tunnel.receive(encode(Data(b"x")))
    elif state in WAITING:
        tunnel.receive(b"".join(ANSWERS[: WAITING.index(state)]))
    else:
        tunnel.receive(b"".join(ANSWERS))
    if state is ClientState.SURRENDERED:
        tunnel.surrender()
    assert tunnel.state is state
    return tunnel


def test_client_asks_for_one_thing_after_the_other():
    tunnel = ClientTunnel("token", "PC1", "desk", 3390)
    assert decode(tunnel.start()) == HandshakeRequest(extended_auth=2)
    assert decode(tunnel.receive(ANSWERS[0])) == TunnelCreate(0x0A, cookie=cookie_of_text("token"))
    assert decode(tunnel.receive(ANSWERS[1])) == TunnelAuth("PC1")
    assert decode(tunnel.receive(ANSWERS[2])) == ChannelCreate(("desk",), port=3390)
    assert not tunnel.open
    assert tunnel.receive(ANSWERS[3]) == b""
    assert tunnel.open
    assert (tunnel.redirection_flags, tunnel.idle_timeout_minutes) == (0x1F, 5)


def test_client_waits_for_the_rest_of_a_cut_answer():
    tunnel = tunnel_in(ClientState.HANDSHAKE_SENT)
    assert [tunnel.receive(ANSWERS[0][at : at + 1]) for at in range(17)] == [b""] * 17
    assert decode(tunnel.receive(ANSWERS[0][17:])) == TunnelCreate(0x0A, cookie=cookie_of_text("token"))


def test_unknown_packets_are_skipped():
    tunnel = tunnel_in(ClientState.CHANNEL_SENT)
    assert tunnel.receive(encode(Unknown(0x0109, b"x"))) == b""
    assert tunnel.state is ClientState.CHANNEL_SENT


def test_data_behind_the_last_answer_is_surrendered():
    tunnel = tunnel_in(ClientState.CHANNEL_SENT)
    tunnel.receive(ANSWERS[3] + encode(Data(b"hello")) + b"\x0a")
    reader = tunnel.surrender()
    assert [decode(raw) for raw in reader.feed(b"")] == [Data(b"hello")]
    assert reader.leftover == b"\x0a"


@pytest.mark.parametrize(
    ("state", "answer", "stage"),
    [
        (WAITING[0], HandshakeResponse(error_code=0x800759E9), TunnelStage.HANDSHAKE),
        (WAITING[1], TunnelResponse(status_code=0x800759E9), TunnelStage.TUNNEL),
        (WAITING[2], TunnelAuthResponse(error_code=0x800759E9), TunnelStage.AUTHORISATION),
        (WAITING[3], ChannelResponse(error_code=0x800759E9), TunnelStage.CHANNEL),
    ],
)
def test_refusal_names_its_stage_and_code(state, answer, stage):
    tunnel = tunnel_in(state)
    with pytest.raises(TunnelRefused, match=f"refused the {stage} with 0x800759e9") as refused:
        tunnel.receive(encode(answer))
    assert (refused.value.stage, refused.value.code) == (stage, ErrorCode.CAPABILITY_MISMATCH)
    assert tunnel.state is ClientState.CLOSED


def test_short_codes_are_success_but_in_the_authorisation():
    tunnel = tunnel_in(ClientState.CHANNEL_SENT)
    tunnel.receive(encode(ChannelResponse(error_code=5)))
    assert tunnel.open
    with pytest.raises(TunnelRefused):
        tunnel_in(ClientState.AUTHORISATION_SENT).receive(encode(TunnelAuthResponse(error_code=5)))


@pytest.mark.parametrize("state", WAITING, ids=lambda state: state.name)
@pytest.mark.parametrize("packet_type", PacketType, ids=lambda packet_type: packet_type.name)
def test_each_packet_is_in_the_table_or_a_violation(state, packet_type):
    tunnel = tunnel_in(state)
    raws = [raw for _, raw in VECTORS.values() if raw[0] == packet_type]
    if (state, packet_type) in TRANSITIONS:
        tunnel.receive(OK[packet_type])
        assert tunnel.state is TRANSITIONS[state, packet_type]
    else:
        with pytest.raises(WireError, match=f"expected no {packet_type.name} in state {state.name}"):
            tunnel.receive(raws[0])
        assert tunnel.state is ClientState.CLOSED


@pytest.mark.parametrize("state", ClientState, ids=lambda state: state.name)
@pytest.mark.parametrize("order", Order, ids=lambda order: order.name)
def test_each_order_is_in_the_table_or_changes_nothing(state, order):
    tunnel = tunnel_in(state)
    call = tunnel.start if order is Order.START else tunnel.surrender
    if (state, order) in TRANSITIONS:
        call()
        assert tunnel.state is TRANSITIONS[state, order]
    else:
        with pytest.raises(StateError, match=f"expected no {order.name} in state {state.name}"):
            call()
        assert tunnel.state is state


@pytest.mark.parametrize("state", [state for state in ClientState if state not in WAITING])
def test_bytes_are_taken_only_while_an_answer_is_awaited(state):
    tunnel = tunnel_in(state)
    with pytest.raises(StateError, match=f"expected no bytes in state {state.name}"):
        tunnel.receive(b"")
    assert tunnel.state is state


@given(st.sampled_from(WAITING), st.binary(max_size=60))
def test_any_bytes_give_requests_a_refusal_or_a_wire_error(state, data):
    tunnel = tunnel_in(state)
    try:
        tunnel.receive(data)
    except (TunnelRefused, WireError):
        assert tunnel.state is ClientState.CLOSED

import pytest

from dialback.console.legs import Gateway, open_leg, refusal_of
from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from dialback.transport.dial import DialFailed
from dialback.transport.leg import LegLost
from dialback.transport.tls import client_context
from tests.console.gateway_stub import REQUEST, GatewayStub

TOKEN = Secret("s3cret")


async def test_leg_carries_the_stream_as_it_is(stub: GatewayStub) -> None:
    leg = await open_leg(stub.gateway, "r1", TOKEN)
    said = b"x" * len(REQUEST)
    leg.send(said)

    heard = b""
    while len(heard) < len(said):
        heard += await leg.receive()
    await leg.close()

    assert heard == said
    assert stub.heads[0].startswith("GET /stream/r1 HTTP/1.1\r\n")
    assert "authorization: bearer s3cret\r\n" in stub.heads[0].lower()
    assert "upgrade: dialback-stream\r\n" in stub.heads[0].lower()


async def test_refusal_comes_with_its_reason(stub: GatewayStub) -> None:
    stub.refusal = Reason.CONSENT_FORBIDDEN

    with pytest.raises(Refused, match="said the gateway") as refused:
        await open_leg(stub.gateway, "r1", TOKEN)

    assert refused.value.reason is Reason.CONSENT_FORBIDDEN


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-OpenSSH\r\n\r\n", b"\x00" * 20000],
)
async def test_answer_without_sense_is_a_refusal(stub: GatewayStub, answer: bytes) -> None:
    stub.answer = answer

    with pytest.raises(Refused) as refused:
        await open_leg(stub.gateway, "r1", TOKEN)

    assert refused.value.reason is Reason.PROTOCOL_VIOLATION


async def test_gateway_that_closes_without_an_answer_is_lost(stub: GatewayStub) -> None:
    stub.answer = b"HTTP/1.1 "

    with pytest.raises(LegLost):
        await open_leg(stub.gateway, "r1", TOKEN)


async def test_gateway_of_another_authority_is_not_trusted(stub: GatewayStub) -> None:
    with pytest.raises(DialFailed, match="not trusted"):
        await open_leg(Gateway("localhost", stub.port, client_context()), "r1", TOKEN)
    assert stub.heads == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"reason": "nonsense"}', b"\xff", b"[" * 5000])
def test_body_that_names_no_reason_is_a_refusal_all_the_same(body: bytes) -> None:
    assert refusal_of(body).reason is Reason.PROTOCOL_VIOLATION


def test_address_of_a_gateway_is_written_as_http_wants_it() -> None:
    context = client_context()
    assert Gateway("gw.example.org", 443, context).authority == "gw.example.org:443"
    assert Gateway("::1", 443, context).authority == "[::1]:443"

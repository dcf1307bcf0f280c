import asyncio

from dialback.gateway.pairing import InRequest, Pairing, pair_key
from dialback.transport.leg import Leg
from dialback.wire.head import BodyReader, RequestHead

HEAD = RequestHead(
    "RDG_IN_DATA",
    "/",
    (("rdg-connection-id", "{1}"), ("rdg-user-id", "ann"), ("transfer-encoding", "chunked")),
)
KEY = pair_key(HEAD, Leg())


def in_request() -> InRequest:
    return InRequest(Leg(), BodyReader(HEAD))


async def test_newest_out_request_is_met_first() -> None:
    pairing = Pairing()
    with pairing.expect(KEY) as older, pairing.expect(KEY) as newer:
        first, second = in_request(), in_request()
        assert pairing.meet(KEY, first)
        assert newer.result() is first
        assert pairing.meet(KEY, second)
        assert older.result() is second
        assert not pairing.meet(KEY, in_request())


async def test_nobody_is_met_after_the_wait() -> None:
    pairing = Pairing()
    with pairing.expect(KEY) as waiter:
        assert pairing.expected(KEY)
    await asyncio.sleep(0)
    assert waiter.cancelled()
    assert not pairing.expected(KEY)
    assert not pairing.meet(KEY, in_request())


async def test_key_holds_connection_address_and_user() -> None:
    leg = Leg()
    leg.peer = "192.0.2.1"
    assert pair_key(HEAD, leg) == ("{1}", "192.0.2.1", "ann")
    assert pair_key(RequestHead("RDG_IN_DATA", "/", ()), leg) == ("", "192.0.2.1", "")

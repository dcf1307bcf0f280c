import pytest

from dialback.transport.exchange import Answer, ask, ask_upgrade
from dialback.transport.leg import Leg, LegLost
from dialback.wire.errors import WireError


class ScriptedLeg(Leg):
    """A leg whose peer says these pieces, then ends."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self.sent = b""
        self._pieces = list(pieces)

    async def receive(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def unread(self, data: bytes) -> None:
        if data:
            self._pieces.insert(0, data)

    def send(self, data: bytes) -> None:
        self.sent += data


COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize("whole", [COUNTED, CHUNKED])
async def test_answer_is_read_however_it_is_cut(whole: bytes) -> None:
    for size in (1, 7, len(whole)):
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        assert await ask(ScriptedLeg(*pieces), "GET", "/x", "gate:443") == Answer(200, b"hello")


async def test_request_with_a_body_says_its_size() -> None:
    leg = ScriptedLeg(COUNTED)

    await ask(leg, "POST", "/x", "gate:443", b"{}")

    assert leg.sent.startswith(b"POST /x HTTP/1.1\r\nHost: gate:443\r\n")
    assert leg.sent.endswith(b"Content-Length: 2\r\n\r\n{}")


async def test_bytes_behind_an_upgrade_stay_on_the_leg() -> None:
    leg = ScriptedLeg(b"HTTP/1.1 101 Switching Protocols\r\n\r\nfirst", b"second")

    head = await ask_upgrade(leg, "/x", "gate:443", [("Upgrade", "y")])

    assert head.status == 101
    assert [await leg.receive(), await leg.receive()] == [b"first", b"second"]


@pytest.mark.parametrize("pieces", [(), (b"HTTP/1.1 200",), (COUNTED[:-1],)])
async def test_end_before_the_answer_is_whole_is_a_loss(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(LegLost, match="before its answer was whole"):
        await ask(ScriptedLeg(*pieces), "GET", "/x", "gate:443")


async def test_body_beyond_the_limit_is_refused() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n"

    with pytest.raises(WireError, match="at most 65536 bytes"):
        await ask(ScriptedLeg(head, bytes(69000)), "GET", "/x", "gate:443")


async def test_head_beyond_the_limit_is_refused() -> None:
    with pytest.raises(WireError):
        await ask(ScriptedLeg(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 20000), "GET", "/x", "gate:443")

"""One request and its answer on a leg: all the HTTP that agents and redirectors speak.

They send one request per connection. What follows the answer's head stays on the leg, which may go on
as WebSocket or as a raw stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dialback.transport.leg import Leg, LegLost
from dialback.wire.errors import WireError
from dialback.wire.head import BodyReader, RequestHead, ResponseHead, ResponseReader, build_request

BODY_LIMIT_BYTES = 65536
HEAD_LIMIT_BYTES = 16384


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes


async def ask_upgrade(
    leg: Leg, path: str, authority: str, headers: Sequence[tuple[str, str]]
) -> ResponseHead:
    """Send a GET that wants another protocol; return the head of the answer.

    Raises:
        LegLost: the server closed the connection, or it broke.
        WireError: the answer is no HTTP.
    """
    leg.send(build_request("GET", path, [("Host", authority), ("Connection", "Upgrade"), *headers]))
    return await read_head(leg)


async def ask(leg: Leg, method: str, path: str, authority: str, body: bytes = b"") -> Answer:
    """Send a request with a JSON body or none; return the answer, 64 KiB at most; raise as `ask_upgrade`."""
    headers = [("Host", authority), ("Connection", "close")]
    if body:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    leg.send(build_request(method, path, headers) + body)
    head = await read_head(leg)
    return Answer(head.status, await read_body(leg, head))


async def read_head(leg: Leg) -> ResponseHead:
    """Return the head of the answer; raise as `ask_upgrade`."""
    reader = ResponseReader(HEAD_LIMIT_BYTES)
    while (head := reader.feed(await _receive(leg))) is None:
        pass
    leg.unread(reader.leftover)
    return head


async def read_body(leg: Leg, head: ResponseHead) -> bytes:
    """Return the body behind the head, 64 KiB at most; raise as `ask_upgrade`."""
    # A body is framed alike in both directions, so the reader of requests does.
    reader = BodyReader(RequestHead("POST", "/", head.headers))
    body = b""
    while not reader.ended:
        body += b"".join(reader.feed(await _receive(leg)))
        if len(body) > BODY_LIMIT_BYTES:
            raise WireError(f"expected a body of at most {BODY_LIMIT_BYTES} bytes, got more")
    return body


async def _receive(leg: Leg) -> bytes:
    data = await leg.receive()
    if not data:
        raise LegLost("the server closed the connection before its answer was whole")
    return data

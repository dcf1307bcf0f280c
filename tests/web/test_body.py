from collections.abc import AsyncIterator

import pytest
from fastapi import Request

from dialback.web.body import read_body
from dialback.wire.errors import WireError


def request_of(*chunks: bytes) -> Request:
    async def receive() -> dict[str, object]:
        return await anext(messages)

    async def send_all() -> AsyncIterator[dict[str, object]]:
        for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    messages = send_all()
    return Request({"type": "http", "headers": []}, receive)


async def test_body_is_read_whole() -> None:
    assert await read_body(request_of(b"ab", b"cd"), 4) == b"abcd"


async def test_body_that_is_too_large_is_refused_before_its_end() -> None:
    with pytest.raises(WireError, match="3 bytes at most"):
        await read_body(request_of(b"ab", b"cd", b"never read"), 3)

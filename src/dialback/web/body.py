"""Request bodies, bounded while they are read."""

from fastapi import Request

from dialback.wire.errors import WireError

BODY_BYTES = 16 * 1024


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the whole body; raise `WireError` if it is larger."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise WireError(f"expected a request of {max_bytes} bytes at most, got more")
    return bytes(body)

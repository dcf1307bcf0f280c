"""Any text gives a join code that is spelt in this one way, or `WireError`."""

from dialback.wire.agent.joincode import PREFIX, build, parse
from dialback.wire.agent.messages import encode_base64url
from dialback.wire.errors import WireError


def fuzz(data: bytes) -> None:
    """Parse the bytes as text, and once more as the binary form behind a good prefix."""
    _check(data.decode("latin-1"))
    _check(PREFIX + encode_base64url(data))


def _check(text: str) -> None:
    try:
        code = parse(text)
    except WireError:
        return
    assert build(code) == "".join(text.split())
    assert parse(build(code)) == code

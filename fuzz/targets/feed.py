"""Any bytes are a question, an answer that survives rebuilding, usable headers, or `WireError`."""

import contextlib

from dialback.wire.errors import WireError
from dialback.wire.feed.negotiation import (
    SchemaVersion,
    build_login_body,
    choose_version,
    entity_tag,
    is_unchanged,
    token_of,
)
from dialback.wire.feed.reconnect import build_response, parse_request, parse_response


def fuzz(data: bytes) -> None:
    """Read the bytes as a SOAP question and answer, and as each header of a feed's request."""
    _check_messages(data)
    text = data.decode("latin-1")
    assert choose_version([text], text) in SchemaVersion
    token = token_of([text])
    assert token is None or build_login_body(token) == token.encode()
    assert is_unchanged([text, entity_tag(data)], entity_tag(data))


def _check_messages(data: bytes) -> None:
    with contextlib.suppress(WireError):
        parse_request(data)
    try:
        files = parse_response(data)
        again = build_response(files)
    except (WireError, ValueError):
        # The second: a peer may send a text that we would not.
        return
    assert parse_response(again) == files

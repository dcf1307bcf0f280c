"""Any bytes give a confirm, "need more" or `WireError`, and bytes after the confirm change nothing."""

from dialback.wire.errors import WireError
from dialback.wire.x224 import MAX_CONFIRM_BYTES, confirm_size, parse_connection_confirm


def fuzz(data: bytes) -> None:
    """Read a confirm, then read it again from its own bytes and with others behind."""
    try:
        size = confirm_size(data)
        confirm = parse_connection_confirm(data)
    except WireError:
        return
    if confirm is None:
        assert size is None or len(data) < size <= MAX_CONFIRM_BYTES
        return
    assert (confirm.selected is None) != (confirm.failure is None)
    assert bool(confirm.security) != bool(confirm.problem)
    assert parse_connection_confirm(data[:size]) == confirm
    assert parse_connection_confirm(data + b"\x16") == confirm

"""Any bytes are a client's NTLM message that proves nothing by itself, or `WireError`."""

import contextlib

from dialback.wire.errors import WireError
from dialback.wire.ntlm import SIGNATURE, build_challenge, is_proof, parse_authenticate, parse_negotiate


def fuzz(data: bytes) -> None:
    """Read the bytes as each message, and once more behind its head."""
    for kind in (b"\x01\0\0\0", b"\x03\0\0\0"):
        for message in (data, SIGNATURE + kind + data):
            with contextlib.suppress(WireError):
                flags = parse_negotiate(message)
                assert build_challenge(flags, bytes(8), "DIALBACK", "gw.example.org", 0)
            with contextlib.suppress(WireError):
                assert not is_proof(parse_authenticate(message), bytes(16), bytes(8))

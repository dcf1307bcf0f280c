"""Where a request came from, as far as the connection itself says; no header is believed."""

import ipaddress

from fastapi import Request

from dialback.domain.accounts import Origin

MAX_CLIENT_CHARS = 200


def peer_of(request: Request) -> str:
    """Return the peer's address, empty if it has none."""
    return request.client.host if request.client else ""


def origin_of(request: Request) -> Origin:
    """Return the peer's address, and what its client calls itself, cut to 200 characters."""
    return Origin(peer_of(request), request.headers.get("user-agent", "")[:MAX_CLIENT_CHARS])


def is_from_loopback(request: Request) -> bool:
    """Say whether the request comes from this machine."""
    try:
        return ipaddress.ip_address(peer_of(request)).is_loopback
    except ValueError:
        return False

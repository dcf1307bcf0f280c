"""Which addresses of a provider are asked: https alone, and http where nobody is in between: on loopback."""

from ipaddress import ip_address

import httpx

MAX_ADDRESS_CHARS = 2048


def check_address(text: str, what: str, *, http_on_loopback: bool = True) -> None:
    """Raise `ValueError` unless the text is an address at which a provider may be asked.

    Args:
        http_on_loopback: accept http to this machine itself.
    """
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError):
        raise ValueError(f"expected an https address as {what}, got {text[:80]!r}") from None
    if len(text) > MAX_ADDRESS_CHARS or not text.isprintable() or " " in text or not url.host or port == 0:
        raise ValueError(f"expected an https address as {what}, got {text[:80]!r}")
    if url.userinfo or "#" in text:
        raise ValueError(f"expected {what} without user and fragment, got {text[:80]!r}")
    if url.scheme == "https" or (url.scheme == "http" and http_on_loopback and is_loopback(url.host)):
        return
    raise ValueError(f"expected https (http on loopback alone) as {what}, got {text[:80]!r}")


def is_loopback(host: str) -> bool:
    """Say whether the host is this machine: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def may_use_http(issuer: str) -> bool:
    """Say whether the issuer is itself on loopback, so that what it names may be so too."""
    return httpx.URL(issuer).scheme == "http"

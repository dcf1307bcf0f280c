"""Dialling out: TCP or Unix socket, TLS verified, through an HTTP proxy where one is set.

The only place that opens outbound connections. A proxy is asked by HTTP CONNECT, with basic authentication
when its URL carries a user.
"""

import asyncio
import base64
import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from dialback.domain.hosts import Target
from dialback.domain.secret import Secret
from dialback.transport.leg import Leg
from dialback.transport.tls import sha256_of
from dialback.wire.errors import WireError
from dialback.wire.head import ResponseReader, build_request

ANSWER_BYTES = 16 * 1024


class DialFailed(ConnectionError):
    """The connection was not made; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy: its address, and the `Proxy-Authorization` value if it wants one."""

    name: str
    port: int
    authorization: Secret | None = None


def parse_proxy(url: str) -> Proxy | None:
    """Parse `http://[user:password@]name[:port]`; None for an empty text.

    Raises:
        ValueError: the text is no such URL. The message does not repeat it, since it may hold a password.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or 3128
    except ValueError:
        # The cause would quote a password that has a slash in it.
        raise ValueError("expected http://[user:password@]name[:port] as proxy") from None
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("expected http://[user:password@]name[:port] as proxy")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = Secret("Basic " + base64.b64encode(pair.encode()).decode())
    return Proxy(parts.hostname, port, authorization)


async def dial_target(target: Target, timeout_s: float) -> Leg:
    """Connect to a target in the clear.

    Raises:
        DialFailed: it did not answer, or refused.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            if target.path:
                _, leg = await loop.create_unix_connection(Leg, target.path)
            else:
                _, leg = await loop.create_connection(Leg, target.name, target.port)
    except TimeoutError as error:
        raise DialFailed(f"{target} did not answer within {timeout_s:g} s") from error
    except OSError as error:
        raise DialFailed(f"{target} cannot be reached: {error.strerror or error}") from error
    return leg


async def dial_tls(
    name: str,
    port: int,
    context: ssl.SSLContext,
    *,
    timeout_s: float,
    proxy: Proxy | None = None,
    pin: str = "",
) -> Leg:
    """Connect to a server over TLS, verified as the context says.

    Args:
        name: the server's name, which its certificate must carry.
        pin: SHA-256 the leaf certificate must have, 64 hexadecimal characters; empty for any.

    Raises:
        DialFailed: unreachable, refused by the proxy, or its certificate is not the expected one.
    """
    try:
        async with asyncio.timeout(timeout_s):
            leg = await (_through_proxy(proxy, name, port) if proxy else _direct(name, port))
            await secure(leg, context, name)
    except TimeoutError as error:
        raise DialFailed(f"{name}:{port} did not answer within {timeout_s:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise DialFailed(
            f"the certificate of {name}:{port} is not trusted: {error.verify_message}"
        ) from error
    except OSError as error:
        raise DialFailed(f"{name}:{port} cannot be reached: {error.strerror or error}") from error
    shown = sha256_of(leg.peer_certificate())
    if pin and shown != pin:
        leg.abort()
        raise DialFailed(f"{name}:{port} shows the certificate {shown}, expected {pin}")
    return leg


async def _direct(name: str, port: int) -> Leg:
    _, leg = await asyncio.get_running_loop().create_connection(Leg, name, port)
    return leg


async def _through_proxy(proxy: Proxy, name: str, port: int) -> Leg:
    leg = await _direct(proxy.name, proxy.port)
    authority = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    headers = [("Host", authority)]
    if proxy.authorization is not None:
        headers.append(("Proxy-Authorization", proxy.authorization.reveal()))
    leg.send(build_request("CONNECT", authority, headers))
    try:
        await _expect_tunnel(leg, proxy)
    except BaseException:
        leg.abort()
        raise
    return leg


async def _expect_tunnel(leg: Leg, proxy: Proxy) -> None:
    where = f"the proxy {proxy.name}:{proxy.port}"
    reader = ResponseReader(ANSWER_BYTES)
    answer = None
    while answer is None:
        data = await leg.receive()
        if not data:
            raise DialFailed(f"{where} closed the connection without an answer")
        try:
            answer = reader.feed(data)
        except WireError as error:
            raise DialFailed(f"{where} gave no proper answer: {error}") from error
    if answer.status == 407:
        raise DialFailed(f"{where} wants a user and a password; put them into the proxy's URL")
    if not 200 <= answer.status < 300:
        raise DialFailed(f"{where} refused the connection with status {answer.status}")
    leg.unread(reader.leftover)


async def secure(leg: Leg, context: ssl.SSLContext, name: str) -> None:
    """Run the client's TLS handshake on a leg that is connected; `name` (empty for none) goes into SNI.

    When this raises, the leg is gone.

    Raises:
        OSError: the handshake failed; `ssl.SSLCertVerificationError` if the certificate is not trusted.
        DialFailed: bytes came in the clear, which under TLS would pass for the verified server's.
    """
    if leg.holds_bytes:
        leg.abort()
        raise DialFailed(f"{name or 'the server'} spoke before the TLS handshake")
    try:
        secured = await asyncio.get_running_loop().start_tls(
            leg.transport, leg, context, server_hostname=name or None
        )
    except BaseException:
        leg.abort()
        raise
    if secured is None:
        raise DialFailed(f"{name} closed the connection during the TLS handshake")
    leg.transport = secured

"""Dialling the platform, straight or through the proxy: the server itself, and the gateways it names."""

import os
import ssl

from dialback.agent.settings import AgentSettings
from dialback.domain.hosts import parse_target
from dialback.transport.dial import DialFailed, dial_tls
from dialback.transport.leg import Leg
from dialback.transport.proxies import choose_proxy


async def dial_platform(address: str, context: ssl.SSLContext, settings: AgentSettings, pin: str = "") -> Leg:
    """Connect to `address`, which is `name:port`, over TLS as the context says.

    Args:
        pin: SHA-256 the leaf certificate must have, in hexadecimal; empty for any.

    Raises:
        DialFailed: no connection was made; the message is one sentence.
    """
    try:
        server = parse_target(address)
        proxy = choose_proxy(settings.proxy, os.environ, server.name)
    except ValueError as error:
        raise DialFailed(f"{address} cannot be dialled: {error}") from error
    return await dial_tls(
        server.name, server.port, context, timeout_s=settings.dial_timeout_s, proxy=proxy, pin=pin
    )

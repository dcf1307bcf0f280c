"""Listening: one TCP port with TLS."""

import asyncio
import ssl
from collections.abc import Callable

from dialback.domain.errors import Problem

HANDSHAKE_DEADLINE_S = 15
SHUTDOWN_DEADLINE_S = 30
BACKLOG = 1024


class PortTaken(Problem):
    """The listener could not be opened; the message is one sentence that says what to do."""


async def listen_tls(
    address: str, port: int, context: ssl.SSLContext, protocol: Callable[[], asyncio.BaseProtocol]
) -> asyncio.Server:
    """Open the listener; `protocol` is called for every accepted connection, before its TLS handshake.

    Raises:
        PortTaken: the address is in use, unknown to this machine, or needs rights this user has not.
    """
    try:
        return await asyncio.get_running_loop().create_server(
            protocol,
            address,
            port,
            ssl=context,
            backlog=BACKLOG,
            ssl_handshake_timeout=HANDSHAKE_DEADLINE_S,
            ssl_shutdown_timeout=SHUTDOWN_DEADLINE_S,
        )
    except OSError as error:
        raise PortTaken(
            f"The port {port} on {address} cannot be opened ({error.strerror or error}); "
            "stop what uses it, or choose another with `listen` in the settings."
        ) from error

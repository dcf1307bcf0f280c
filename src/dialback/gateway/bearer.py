"""Clients whose token stands in the head of their request, as a bearer token.

The token is judged first, whatever the request goes on as. One that admits nobody is told 403 and nothing
else.

Source: RFC 6750 section 2.1, Authorization Request Header Field.
"""

import asyncio
from collections.abc import Awaitable, Callable

from dialback.domain.contracts import Admission
from dialback.domain.errors import Reason, Refused
from dialback.edge.accept import Arrival
from dialback.gateway.connection import Connection, Gateway
from dialback.transport.leg import Leg
from dialback.wire.head import RequestHead, build_closing_response

_BEARER = "bearer "

Carry = Callable[[Connection, Admission, RequestHead, Leg], Awaitable[None]]
"""Reaches the host of an admitted client and relays."""


async def serve_bearer(
    gateway: Gateway, transport: str, head: RequestHead, leg: Leg, arrival: Arrival, carry: Carry
) -> None:
    """Serve one client from its request to its end; `transport` names it in the record."""
    connection = Connection(gateway, transport, leg, arrival)
    async with connection.recorded():
        try:
            admission = await _admit(connection, head, leg)
            await carry(connection, admission, head, leg)
        finally:
            await asyncio.shield(leg.close())


async def _admit(connection: Connection, head: RequestHead, leg: Leg) -> Admission:
    try:
        return await connection.admit(bearer_of(head))
    except Refused:
        leg.send(build_closing_response(403))
        raise


def bearer_of(head: RequestHead) -> str:
    """Return the bearer token in a head; raise `Refused(TOKEN_MISSING)` if there is none."""
    value = head.header("authorization") or ""
    if not value.casefold().startswith(_BEARER):
        raise Refused(Reason.TOKEN_MISSING)
    return value[len(_BEARER) :].strip()

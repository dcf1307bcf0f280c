"""The redirector's leg to the gateway: one request with the token, answered when the host is there.

Until then the request stays open: the host may be waking, or its tenant deciding. After `101` the connection
carries the RDP stream as it is, in either direction, as a host leg does. A refusal is told with its reason,
since who asks is known by name and can act on it.

Source: docs/protocols/redirector.md.
"""

import asyncio
import json
import ssl
from dataclasses import dataclass

from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from dialback.transport.dial import Proxy, dial_tls
from dialback.transport.exchange import ask_upgrade, read_body
from dialback.transport.leg import Leg
from dialback.wire.errors import WireError
from dialback.wire.stream import STREAM_PATH, STREAM_UPGRADE

DIAL_S = 15
PARKED_S = 660
"""A host may be waking or its tenant deciding: as long as any pool lets a client wait, and a little more."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the gateway is and how it is verified."""

    name: str
    port: int
    context: ssl.SSLContext
    proxy: Proxy | None = None

    @property
    def authority(self) -> str:
        """Return `NAME:PORT`."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


async def open_leg(gateway: Gateway, alias: str, token: Secret) -> Leg:
    """Return a leg that reaches the alias's host; wait while the gateway keeps us parked.

    Raises:
        Refused: with the reason the gateway gave.
        DialFailed: the gateway cannot be reached.
        OSError: the connection broke.
    """
    leg = await dial_tls(gateway.name, gateway.port, gateway.context, timeout_s=DIAL_S, proxy=gateway.proxy)
    try:
        async with asyncio.timeout(PARKED_S):
            await _ask(leg, gateway, alias, token)
    except TimeoutError as error:
        leg.abort()
        raise Refused(Reason.HOST_LEG_LATE, f"no answer within {PARKED_S} s") from error
    except WireError as error:
        leg.abort()
        raise Refused(Reason.PROTOCOL_VIOLATION, f"the gateway gave no proper answer: {error}") from error
    except BaseException:
        leg.abort()
        raise
    return leg


async def _ask(leg: Leg, gateway: Gateway, alias: str, token: Secret) -> None:
    headers = [("Upgrade", STREAM_UPGRADE), ("Authorization", f"Bearer {token.reveal()}")]
    answer = await ask_upgrade(leg, STREAM_PATH + alias, gateway.authority, headers)
    if answer.status != 101:
        raise refusal_of(await read_body(leg, answer))


def refusal_of(body: bytes) -> Refused:
    """Return why the gateway refused, by the body of its answer; all of it may be damaged."""
    try:
        told = json.loads(body)
        return Refused(Reason(told["reason"]), str(told.get("detail", ""))[:400])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Refused(Reason.PROTOCOL_VIOLATION, "the gateway refused without a reason we know")

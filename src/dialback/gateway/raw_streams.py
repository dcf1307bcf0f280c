"""Raw streams: how a redirector reaches a host. The client's counterpart to a host leg.

The request is answered when the host is there, so that whoever waits is told why it failed: the technician
behind a redirector is known by name and can act on a reason. A token that admits nobody is told 403 and
nothing else. Source: `wire/stream.py`.
"""

import json
from urllib.parse import unquote

from dialback.domain.contracts import Admission
from dialback.domain.errors import Refused, told_detail
from dialback.edge.accept import Arrival
from dialback.gateway.bearer import serve_bearer
from dialback.gateway.connection import Connection, Gateway
from dialback.relay.framings import plain
from dialback.relay.join import End
from dialback.transport.leg import Leg
from dialback.wire.head import RequestHead, build_response
from dialback.wire.stream import STREAM_PATH, STREAM_UPGRADE


class RawStreams:
    """Serves `GET /stream/ALIAS`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def serve(self, head: RequestHead, leg: Leg, arrival: Arrival) -> None:
        """Serve one client from its request to its end."""
        await serve_bearer(self._gateway, "stream", head, leg, arrival, _carry)


async def _carry(connection: Connection, admission: Admission, head: RequestHead, leg: Leg) -> None:
    try:
        host = await connection.reach(admission, (unquote(head.path.removeprefix(STREAM_PATH)),), leg)
    except Refused as refused:
        leg.send(refusal(refused))
        raise
    leg.send(build_response(101, [("Connection", "Upgrade"), ("Upgrade", STREAM_UPGRADE)]))
    await connection.relay(End(leg, leg, plain()), host)


def refusal(refused: Refused) -> bytes:
    """Return the answer that tells an admitted client why it reaches no host."""
    told = {"reason": refused.reason.value, "detail": told_detail(refused.reason, refused.detail)}
    body = json.dumps(told).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    return build_response(403, headers) + body

"""Raw RDP over WebSocket with a bearer token: `GET /rdp/ALIAS`, FreeRDP 3's `wst` mode.

The same life as an MS-TSGU tunnel without its packets: the token is in the head and the alias in the path.
A refused token is told 403. What fails after the upgrade, which a parked client must get before its host is
known, is told in RDP's own words and then ends the stream: FreeRDP 3.10 waits for ever at the end alone.
"""

from urllib.parse import unquote

from dialback.domain.contracts import Admission
from dialback.domain.errors import Refused
from dialback.edge.accept import Arrival
from dialback.gateway.bearer import serve_bearer
from dialback.gateway.connection import Connection, Gateway
from dialback.gateway.streams import ClientStream
from dialback.gateway.tunnels import MESSAGE_BYTES, switching_protocols
from dialback.relay.framings import StreamFraming, WebSocketCarrier
from dialback.transport.leg import Leg
from dialback.wire.head import RequestHead
from dialback.wire.websocket import GOING_AWAY, FrameReader, accept_key, build_close
from dialback.wire.x224 import FailureCode, build_refusal

PREFIX = "/rdp/"
NO_HOST = FailureCode.INCONSISTENT_FLAGS
"""No code means this; the others ask the client for another security protocol."""


class WebSockets:
    """Serves raw RDP clients of one gateway node."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def serve(self, head: RequestHead, leg: Leg, arrival: Arrival) -> None:
        """Serve one client from its upgrade to its end."""
        await serve_bearer(self._gateway, "websocket", head, leg, arrival, _carry)


async def _carry(connection: Connection, admission: Admission, head: RequestHead, leg: Leg) -> None:
    leg.send(switching_protocols(accept_key(head.header("sec-websocket-key") or "")))
    carrier = WebSocketCarrier(FrameReader(masked=True, max_message_bytes=MESSAGE_BYTES))
    stream = ClientStream(leg, leg, carrier)
    try:
        host = await connection.reach(admission, (unquote(head.path.removeprefix(PREFIX)),), leg)
    except Refused:
        stream.send(build_refusal(NO_HOST))
        leg.send(build_close(GOING_AWAY))
        raise
    await connection.relay(stream.end(StreamFraming(carrier)), host)

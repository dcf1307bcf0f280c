"""Host legs: an agent that was ordered to dial presents its reverse ticket and becomes a leg.

After `101 Switching Protocols` the connection carries the RDP stream as it is. A refused leg is told 403 and
nothing else; the reason is logged and counted here.
"""

from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId
from dialback.domain.secret import Secret
from dialback.edge.accept import Arrival
from dialback.gateway.rendezvous import HostLeg, Meeting, Rendezvous
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics
from dialback.transport.leg import Leg
from dialback.wire.agent.link import HOST_HEADER, REVERSE_UPGRADE, SIGNATURE_HEADER, TICKET_HEADER
from dialback.wire.agent.messages import decode_base64url
from dialback.wire.errors import WireError
from dialback.wire.head import RequestHead, build_closing_response, build_response

_log = get_logger(__name__)
MAX_HEADER_CHARS = 200


class ReverseLegs:
    """Serves `GET /agent/reverse`."""

    def __init__(self, rendezvous: Rendezvous, metrics: Metrics) -> None:
        self._rendezvous = rendezvous
        self._metrics = metrics

    async def serve(self, head: RequestHead, leg: Leg, arrival: Arrival) -> None:
        """Hand the leg to the connection that waits for it; the leg is that connection's from then on."""
        try:
            meeting = self._claim(head)
        except Refused as refused:
            host = head.header(HOST_HEADER)
            _log.warning("host leg refused", host=host, peer=leg.peer, reason=refused.reason.value)
            self._metrics.refused(refused.reason)
            leg.send(build_closing_response(403))
            await leg.close()
            return
        leg.send(build_response(101, [("Connection", "Upgrade"), ("Upgrade", REVERSE_UPGRADE)]))
        if not meeting.arrive(HostLeg(leg, arrival)):
            leg.abort()

    def _claim(self, head: RequestHead) -> Meeting:
        host_id = HostId(_header(head, HOST_HEADER))
        ticket = Secret(_header(head, TICKET_HEADER))
        return self._rendezvous.claim(ticket, host_id, _signature(head))


def _header(head: RequestHead, name: str) -> str:
    value = head.header(name) or ""
    if len(value) > MAX_HEADER_CHARS:
        raise Refused(Reason.TICKET_UNKNOWN, f"header {name} of {len(value)} characters")
    return value


def _signature(head: RequestHead) -> bytes:
    try:
        return decode_base64url(_header(head, SIGNATURE_HEADER))
    except WireError:
        return b""

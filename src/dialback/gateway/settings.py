"""Settings of the gateway role."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from dialback.settings.file import Seconds


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The `[gateway]` table of the settings file.

    Attributes:
        handshake_deadline_s: seconds from the request head to a valid TUNNEL_CREATE.
        channel_deadline_s: seconds from an accepted tunnel to CHANNEL_CREATE; the client may ask its user.
        pairing_deadline_s: seconds an OUT request waits for its IN request.
        host_deadline_s: seconds from the order to dial to the host leg.
        keepalive_s: seconds of silence towards a client after which a keepalive is sent.
        report_s: seconds between reports of an open connection's totals to the broker.
        unfinished_per_address: tunnels without a token accepted yet, per client address.
        most_bytes_s: bytes a second that all relays may move, both ways together, shared by tenants and then
            by their users in equal parts; 0 for no limit.
    """

    handshake_deadline_s: Seconds = 15
    channel_deadline_s: Seconds = 30
    pairing_deadline_s: Seconds = 15
    host_deadline_s: Seconds = 20
    keepalive_s: Seconds = 45
    report_s: Seconds = 30
    unfinished_per_address: Annotated[int, Field(ge=1, le=100_000)] = 64
    most_bytes_s: Annotated[int, Field(ge=0, le=10**12)] = 0

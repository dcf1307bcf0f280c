"""Connections: their stages, their totals, and the record that is kept of each."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TokenHash, UserName


class Stage(StrEnum):
    """A step in the life of a connection, in the order in which they happen.

    `HANDSHAKE` is what the client's own rounds took, between the answers to its requests.
    """

    TLS = "tls"
    HEAD = "head"
    HANDSHAKE = "handshake"
    ADMIT = "admit"
    PLACE = "place"
    DIAL = "dial"
    REVERSE = "reverse"
    FIRST_BYTE = "first-byte"
    END = "end"


@dataclass(frozen=True, slots=True)
class Totals:
    """Bytes of the RDP stream that the relay moved, framing not counted."""

    to_client_bytes: int = 0
    to_host_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """What is kept of a connection.

    `timeline` maps each stage that was reached to its duration in milliseconds. `ended_at` and `reason` are
    None while the connection is open. `client_address` is where the client leg came from, without its port.
    """

    id: ConnectionId
    opened_at: datetime
    transport: str
    client_address: str
    client_name: str = ""
    user: UserName | None = None
    resource: ResourceName | None = None
    host_id: HostId | None = None
    token_hash: TokenHash | None = None
    ended_at: datetime | None = None
    reason: Reason | None = None
    detail: str = ""
    totals: Totals = Totals()
    timeline: dict[Stage, float] = field(default_factory=dict)

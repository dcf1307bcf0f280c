"""A canary: a host leg for nothing, which proves that the host could take a connection now.

The host dials back as for a connection, and the gateway lets it go.
"""

from dataclasses import dataclass
from typing import Protocol

from dialback.domain.ids import ConnectionId, HostId
from dialback.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class CanaryOrder:
    """What an agent needs for a canary; the fields are those of `DialOrder`."""

    connection_id: ConnectionId
    host_id: HostId
    gateway: str
    certificate_sha256: str
    ticket: Secret


class CanaryOrders(Protocol):
    """How a canary is ordered."""

    async def canary(self, order: CanaryOrder) -> None:
        """Order the host's agent to dial back; return when it says it has; raise `Refused` if it does not.

        There is no deadline but the caller's.
        """


class DialBack(Protocol):
    """How a gateway has it proved that a host dials back."""

    async def prove(self, host_id: HostId, host_key: bytes) -> None:
        """Return when the host has dialled back; raise `Refused` if it said that it cannot.

        There is no deadline but the caller's. Cancel-safe: no leg and no ticket is left.
        """

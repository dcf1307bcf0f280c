"""Management of a host by the provider's consoles: what an agent announces of it before anybody asks.

An announcement is the agent's own claim, passed on by the platform. It spares a tenant questions that its
host would refuse anyway, and decides nothing: what counts is what the agent signs and answers in the session.
"""

from dataclasses import dataclass
from enum import StrEnum


class Offer(StrEnum):
    """What a host's settings may let a console ask for, beside looking at the host."""

    RDP_LOG = "rdp-log"
    RESTART_RDP = "restart-rdp"
    RESTART_AGENT = "restart-agent"
    UPDATE_AGENT = "update-agent"


@dataclass(frozen=True, slots=True)
class ManagementOffer:
    """The versions of the management protocol an agent speaks, both included, and what its host offers.

    `offers` are words of `Offer`, or of a newer agent's.

    Raises:
        ValueError: the range is empty or goes below 1.
    """

    lowest_version: int
    highest_version: int
    offers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.lowest_version <= self.highest_version:
            raise ValueError(
                f"expected a range of versions, got {self.lowest_version}-{self.highest_version}"
            )

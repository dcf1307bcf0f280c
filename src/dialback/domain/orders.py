"""What people with the right to it can have a host's agent do to its sessions.

Who orders has been checked before; an order that cannot be carried out raises `Refused` with the reason.
"""

from enum import StrEnum
from typing import Protocol

from dialback.domain.ids import HostId, SessionId, TenantId
from dialback.domain.names import check_text

MAX_MESSAGE_CHARS = 500


class SessionAction(StrEnum):
    """What can be done to a session."""

    MESSAGE = "message"
    DISCONNECT = "disconnect"
    LOG_OFF = "log-off"


class SessionOrders(Protocol):
    """Whoever reaches the hosts' agents."""

    async def order(
        self, tenant: TenantId, host: HostId, session: SessionId, action: SessionAction, text: str
    ) -> None:
        """Have the host's agent do it; `text` is what a message shows. Raise `Refused` if it is not done."""


def check_message(text: str) -> str:
    """Return the text of a message to a session; lines may end, and nothing else may steer what shows it.

    Raises:
        ValueError: with the rule in words.
    """
    for line in text.split("\n"):
        check_text(line, "message", MAX_MESSAGE_CHARS)
    if not text.strip() or len(text) > MAX_MESSAGE_CHARS:
        raise ValueError(f"expected 1 to {MAX_MESSAGE_CHARS} characters as message, got {len(text)}")
    return text

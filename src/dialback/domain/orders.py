"""What people with the right to it can have a host's agent do to its sessions.

Who orders has been checked before; an order that cannot be carried out raises `Refused` with the reason.
"""

from enum import StrEnum
from typing import Protocol

from dialback.domain.names import check_text
from dialback.domain.sessions import Session

MAX_MESSAGE_CHARS = 500
SESSION_ORDER_S = 20.0
"""How long whoever orders waits for the answer; what is not begun by then is not done any more."""


class SessionAction(StrEnum):
    """What can be done to a session."""

    MESSAGE = "message"
    DISCONNECT = "disconnect"
    LOG_OFF = "log-off"


class SessionOrders(Protocol):
    """Whoever reaches the hosts' agents."""

    async def order(self, session: Session, action: SessionAction, text: str) -> None:
        """Have the host's agent do it; `text` is what a message shows. Raise `Refused` if it is not done.

        A session that is another user's by now is left alone, if the agent is new enough to look.
        """


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

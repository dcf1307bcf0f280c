"""Orders for sessions, given on pages and over the API: each is in the audit log, whatever became of it.

An order that is refused may have been carried out all the same, where the host did not say so in time.
"""

from typing import Protocol

from dialback.domain.errors import DETAIL_TOLD, SENTENCES, Refused
from dialback.domain.orders import SessionAction, SessionOrders
from dialback.domain.sessions import Session


class Note(Protocol):
    """Writes into the audit log what somebody did, or was refused."""

    def __call__(self, action: str, subject: str, detail: str, *, allowed: bool) -> None: ...


async def order_noted(
    orders: SessionOrders, note: Note, session: Session, action: SessionAction, text: str = ""
) -> None:
    """Have it done and note it; raises `Refused` as `SessionOrders` does."""
    verb, subject, whose = f"session.{action}", f"session:{session.host}/{session.id}", f"user {session.user}"
    try:
        await orders.order(session, action, text)
    except Refused as refused:
        note(verb, subject, f"{whose}: {sentence_of(refused)}", allowed=False)
        raise
    note(verb, subject, whose, allowed=True)


def sentence_of(refused: Refused) -> str:
    """Return why, for those who administer, with the detail where the sentence promises it."""
    sentence = SENTENCES[refused.reason]
    if refused.reason not in DETAIL_TOLD or not refused.detail:
        return sentence
    return f"{sentence.removesuffix('.')}: {refused.detail}."

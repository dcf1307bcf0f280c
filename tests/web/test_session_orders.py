"""Orders for sessions and their entries in the audit log."""

import pytest

from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.ids import HostId, SessionId, UserName
from dialback.domain.orders import SessionAction
from dialback.domain.sessions import Session, SessionState
from dialback.domain.tenancy import MAIN
from dialback.web.session_orders import order_noted, sentence_of
from tests.broker.stores import NOW
from tests.web.portal.stage import Orders

SESSION = Session(MAIN, HostId("h1"), SessionId("7"), UserName("anna"), SessionState.ACTIVE, NOW)
OFFLINE = SENTENCES[Reason.HOST_OFFLINE]


class Noted:
    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str, bool]] = []

    def __call__(self, action: str, subject: str, detail: str, *, allowed: bool) -> None:
        self.entries.append((action, subject, detail, allowed))


async def test_order_that_is_done_is_noted() -> None:
    orders, noted = Orders(), Noted()
    await order_noted(orders, noted, SESSION, SessionAction.MESSAGE, "hello")
    assert orders.given == [(MAIN, "h1", "7", "message", "hello")]
    assert noted.entries == [("session.message", "session:h1/7", "user anna", True)]


async def test_order_that_is_refused_is_noted_with_the_reason() -> None:
    orders, noted = Orders(), Noted()
    orders.refusal = Refused(Reason.HOST_OFFLINE, "h1")
    with pytest.raises(Refused):
        await order_noted(orders, noted, SESSION, SessionAction.LOG_OFF)
    assert noted.entries == [("session.log-off", "session:h1/7", f"user anna: {OFFLINE}", False)]


def test_detail_is_told_where_the_sentence_promises_it() -> None:
    assert sentence_of(Refused(Reason.HOST_OFFLINE, "h1")) == OFFLINE
    failed = SENTENCES[Reason.SESSION_ORDER_FAILED]
    assert sentence_of(Refused(Reason.SESSION_ORDER_FAILED)) == failed
    assert sentence_of(Refused(Reason.SESSION_ORDER_FAILED, "no such session")) == (
        "The host did not do what was ordered for a session; the detail says why: no such session."
    )

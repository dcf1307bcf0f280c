"""What the interfaces promise by their defaults."""

from dialback.domain.access import TokenKind
from dialback.domain.contracts import Admission, Attempt, DialOrder
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TokenHash, UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN


def test_admission_is_by_a_connection_token_and_sets_no_idle_timeout_by_default() -> None:
    admission = Admission(
        MAIN, UserId("u1"), UserName("anna"), ResourceName("office-pc"), TokenHash("ab" * 32), frozenset()
    )
    assert (admission.kind, admission.idle_timeout_minutes) == (TokenKind.CONNECTION, 0)


def test_attempt_of_a_client_that_does_not_name_itself_has_no_name() -> None:
    assert Attempt(ConnectionId("c1"), "office-pc", "192.0.2.7").client_name == ""


def test_dial_order_does_not_show_its_ticket() -> None:
    order = DialOrder(
        ConnectionId("c1"),
        HostId("h1"),
        "gw.example:443",
        "ab" * 32,
        Secret("the-ticket"),
        "127.0.0.1:3389",
        UserName("anna"),
    )
    assert "the-ticket" not in repr(order)

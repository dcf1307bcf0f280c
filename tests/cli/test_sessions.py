from dialback.domain.errors import SENTENCES, Reason, Refused
from tests.cli.conftest import Terminal
from tests.cli.remote import Served


def test_sessions_are_listed_and_filtered(terminal: Terminal, remote: Served) -> None:
    assert [each["id"] for each in terminal.json("session", "list")] == ["7"]
    assert "h1/7" in terminal.good("session", "list", "--user", "anne")
    assert "There is no session" in terminal.good("session", "list", "--user", "bob")


def test_orders_reach_the_host(terminal: Terminal, remote: Served) -> None:
    terminal.good("session", "message", "h1/7", "save your work")
    terminal.good("session", "disconnect", "h1/7")
    terminal.good("session", "log-off", "h1/7")

    assert [order[3:] for order in remote.orders.given] == [
        ("message", "save your work"),
        ("disconnect", ""),
        ("log-off", ""),
    ]


def test_what_cannot_be_done_is_said_in_words(terminal: Terminal, remote: Served) -> None:
    remote.orders.refusal = Refused(Reason.HOST_OFFLINE)

    assert "Expected HOST/SESSION" in terminal.bad("session", "log-off", "7")
    assert "no such thing" in terminal.bad("session", "log-off", "h1/8")
    assert SENTENCES[Reason.HOST_OFFLINE] in terminal.bad("session", "log-off", "h1/7")

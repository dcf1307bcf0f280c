"""The record of a connection: its defaults, and the order of its stages."""

from datetime import UTC, datetime

from dialback.domain.ids import ConnectionId
from dialback.domain.sessions import ConnectionRecord, Stage, Totals


def record(name: str) -> ConnectionRecord:
    """Return a record of which only what is required is known."""
    return ConnectionRecord(ConnectionId(name), datetime(2026, 3, 1, tzinfo=UTC), "websocket", "192.0.2.7")


def test_new_record_is_open_and_has_moved_nothing() -> None:
    opened = record("c1")
    assert (opened.ended_at, opened.reason, opened.totals) == (None, None, Totals(0, 0))


def test_records_do_not_share_their_timeline() -> None:
    assert record("c1").timeline is not record("c2").timeline


def test_stages_are_listed_in_the_order_in_which_they_happen() -> None:
    assert [stage.value for stage in Stage] == [
        "tls",
        "head",
        "handshake",
        "admit",
        "place",
        "dial",
        "reverse",
        "first-byte",
        "end",
    ]

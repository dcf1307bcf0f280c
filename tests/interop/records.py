"""What a record of a connection has to say, beside its reason."""

from datetime import datetime
from typing import Any

from dialback.domain.sessions import Stage

PARKED = ("approve", "wake", "consent")
STAGES = [stage.value for stage in Stage if stage.value not in PARKED]
"""The stages of a connection that nobody is asked about."""
CLOSED_BY_USER = ("client-ended", "host-ended")
"""FreeRDP 3 takes leave of the host, which may then end before the client does."""
RESET = ("[Errno 104] Connection reset by peer", "[Errno 32] Broken pipe")
"""What is on its way to a client that closes finds nobody, and its kernel resets the connection.

The second is what a server is told that writes again after the client's end, before it has read that end.
"""
BEFORE = ("tls", "head")
"""The stages before the first instant in a record: how long they take is the client's affair too."""
CLOCK_S = 0.25
"""Between the end of these stages and that instant, and for the record's rounding."""


def is_closed_by_user(record: dict[str, Any]) -> bool:
    """Say whether the connection ended as it does when its user closes the client."""
    is_reset = record["reason"] == "client-lost" and record["detail"] in RESET
    return is_reset or record["reason"] in CLOSED_BY_USER


def assert_whole_life(record: dict[str, Any], transport: str, user: str, resource: str) -> None:
    """Check the record of a connection that showed a desktop until its user closed the client."""
    assert is_closed_by_user(record), record
    assert (record["transport"], record["user"], record["resource"]) == (transport, user, resource)
    assert record["totals"]["to_client_bytes"] > 10_000
    assert record["totals"]["to_host_bytes"] > 1_000
    assert list(record["timeline_ms"]) == STAGES
    assert all(ms >= 0 for ms in record["timeline_ms"].values())
    opened_at, ended_at = (datetime.fromisoformat(record[key]) for key in ("opened_at", "ended_at"))
    lasted_s = sum(ms for stage, ms in record["timeline_ms"].items() if stage not in BEFORE) / 1000
    assert abs(lasted_s - (ended_at - opened_at).total_seconds()) < CLOCK_S


def assert_refused(record: dict[str, Any], reason: str) -> None:
    """Check the record of a connection that moved no byte."""
    assert record["reason"] == reason, record
    assert record["totals"] == {"to_client_bytes": 0, "to_host_bytes": 0}
    assert "reverse" not in record["timeline_ms"]

from datetime import UTC, datetime, timedelta

from dialback.agent.platform.sessions import StateChanges, open_sessions
from dialback.agent.platform.sessions_linux import LinuxSessions

START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_state_counts_from_the_start_until_it_is_seen_to_change() -> None:
    changes = StateChanges()
    assert changes.since("a", "active", START, START + MINUTE) == START
    assert changes.since("a", "active", START, START + 2 * MINUTE) == START
    assert changes.since("a", "disconnected", START, START + 3 * MINUTE) == START + 3 * MINUTE
    assert changes.since("a", "disconnected", START, START + 4 * MINUTE) == START + 3 * MINUTE


def test_session_that_was_gone_begins_anew() -> None:
    changes = StateChanges()
    changes.since("a", "active", START, START)
    changes.since("b", "active", START, START)
    changes.since("b", "disconnected", START, START + MINUTE)
    changes.keep({"b"})
    assert changes.since("a", "disconnected", START, START + 2 * MINUTE) == START
    assert changes.since("b", "disconnected", START, START + 2 * MINUTE) == START + MINUTE


def test_linux_has_its_own_sessions() -> None:
    assert isinstance(open_sessions(), LinuxSessions)

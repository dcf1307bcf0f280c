"""What is kept of an entry."""

from datetime import UTC, datetime

from dialback.domain.audit import MAX_DETAIL_CHARS, MAX_NAME_CHARS, Actor, ActorKind, AuditEntry, shortened
from dialback.domain.tenancy import MAIN

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_usual_entry_is_kept_whole() -> None:
    entry = AuditEntry(
        MAIN, NOW, Actor(ActorKind.USER, "anna", "::1"), "pool.save", "pool:p1", "drained", False
    )
    assert shortened(entry) == entry


def test_every_text_of_a_long_one_is_cut() -> None:
    long = "x" * 10_000
    entry = shortened(AuditEntry(MAIN, NOW, Actor(ActorKind.USER, long, long), long, long, long))
    assert (len(entry.actor.name), len(entry.subject)) == (MAX_NAME_CHARS, MAX_NAME_CHARS)
    assert (len(entry.actor.address), len(entry.action)) == (100, 100)
    assert len(entry.detail) == MAX_DETAIL_CHARS

"""Column types: what goes in is clean, what comes out is the declared type or `IMPOSSIBLE`."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from dialback.store.models import IMPOSSIBLE, Document, Flag, Instant, Octets, Words, storable

DIALECT = sqlite.dialect()


def read(kind: TypeEngine[Any], stored: object) -> object:
    """Return what the column type makes of a stored value."""
    process = kind.dialect_impl(DIALECT).result_processor(DIALECT, None)
    return process(stored) if process else stored


READABLE = [
    (Words(), "text", "text"),
    (Document(), '{"a": [1]}', {"a": [1]}),
    (Instant(), "2026-03-01 12:00:00.000000", datetime(2026, 3, 1, 12, tzinfo=UTC)),
    (Octets(), b"\0\xff", b"\0\xff"),
    (Flag(), 1, True),
    (Flag(), 0, False),
]

UNREADABLE = [
    (Document(), "{"),
    (Document(), "[" * 100_000),
    (Document(), b"\xff"),
    (Words(), 7),
    (Words(), b"text"),
    (Flag(), 7),
    (Flag(), "perhaps"),
    (Instant(), "yesterday"),
    (Instant(), "2026-13-01 12:00:00.000000"),
    (Instant(), 7),
    (Octets(), "text"),
]


@pytest.mark.parametrize(("kind", "stored", "value"), READABLE, ids=str)
def test_stored_value_is_read(kind: TypeEngine[Any], stored: object, value: object) -> None:
    assert read(kind, stored) == value


@pytest.mark.parametrize(("kind", "stored"), UNREADABLE, ids=lambda value: repr(value)[:20])
def test_stored_value_of_another_type_is_impossible_and_no_error(
    kind: TypeEngine[Any], stored: object
) -> None:
    assert read(kind, stored) is IMPOSSIBLE


@pytest.mark.parametrize("kind", [Words(), Document(), Instant(), Octets(), Flag()], ids=str)
def test_null_is_none(kind: TypeEngine[Any]) -> None:
    assert read(kind, None) is None


def test_instant_is_kept_in_utc() -> None:
    east = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    kept = Instant().process_bind_param(east, DIALECT)
    assert (kept.hour, kept.tzinfo) == (12, UTC)


def test_instant_without_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="expected an aware datetime"):
        Instant().process_bind_param(datetime(2026, 3, 1), DIALECT)


@given(
    st.recursive(
        st.none() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_storable_value_can_be_encoded_and_has_no_nul(value: object) -> None:
    said = repr(storable(value))
    assert "\\ud8" not in said
    assert "\\x00" not in said


def test_storable_text_is_left_as_it_is() -> None:
    assert storable("Änne 𝄞\n") == "Änne 𝄞\n"
    assert storable("a\0b\ud800c") == "a\ufffdb\ufffdc"

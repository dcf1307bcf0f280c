"""Cursors: any key survives, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.directory import CursorInvalid, cursor_of, key_at


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_cursor_stands_for_its_key_and_fits_into_a_url(key: str) -> None:
    cursor = cursor_of(key)
    assert key_at(cursor) == key
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in cursor)


@pytest.mark.parametrize("text", ["a", "+/+/", "ä", "_w", "a b=", "\0", "\ud800"])
def test_text_that_is_no_cursor_is_said_so(text: str) -> None:
    with pytest.raises(CursorInvalid, match="begin with the first page"):
        key_at(text)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        key = key_at(text)
    except CursorInvalid:
        return
    assert isinstance(key, str)

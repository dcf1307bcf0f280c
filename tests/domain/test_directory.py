"""Cursors: any key survives, and nothing else is taken for one; and reading all of a kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.directory import MAX_PAGE, CursorInvalid, cursor_of, every, key_at
from dialback.domain.ids import UserId, UserName
from dialback.domain.tenancy import MAIN, User
from dialback.store.memory import MemoryStore


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_cursor_stands_for_its_key_and_fits_into_a_url(key: str) -> None:
    cursor = cursor_of(key)
    assert key_at(cursor) == key
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in cursor)


@pytest.mark.parametrize("text", ["a", "+/+/", "ä", "_w", "a b=", "\0", "\ud800"])
def test_text_that_is_no_cursor_is_said_so(text: str) -> None:
    with pytest.raises(CursorInvalid, match="begin with the first page"):
        key_at(text)


async def test_every_noun_is_given_over_however_many_pages() -> None:
    directory = MemoryStore().directory
    for number in range(MAX_PAGE + 1):
        await directory.save(User(MAIN, UserId(f"u{number}"), UserName(f"{number:05}")))
    found = [each.name async for each in every(directory, User, MAIN)]
    assert found == [f"{number:05}" for number in range(MAX_PAGE + 1)]


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        key = key_at(text)
    except CursorInvalid:
        return
    assert isinstance(key, str)

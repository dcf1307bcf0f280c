"""Texts that people copy by hand."""

import pytest

from dialback.identity.typed import CONSONANTS, LETTERS, MAX_TYPED_CHARS, bare, draw, grouped


def test_what_is_drawn_is_never_the_same_and_holds_no_letter_that_is_taken_for_another() -> None:
    drawn = {draw(20) for _ in range(100)}
    assert len(drawn) == 100
    assert set("".join(drawn)) <= set(LETTERS)
    assert not set("il1o0") & set(LETTERS)
    assert set(draw(500, CONSONANTS)) == set(CONSONANTS)


@pytest.mark.parametrize("typed", ["abcd-efgh", "abcdefgh", " ab cd\u2011efgh ", "abcd\u2013efgh\t"])
def test_groups_may_be_typed_in_any_way(typed: str) -> None:
    assert bare(typed) == "abcdefgh"
    assert grouped("abcdefgh") == "abcd-efgh"


def test_endless_text_is_not_read_to_its_end() -> None:
    assert len(bare("x" * 10**6)) == MAX_TYPED_CHARS

"""Text of people: what no field carries."""

import pytest

from dialback.wire.text import check_text


@pytest.mark.parametrize("text", ["", "Zoë", "שלום", "🖥 4 bytes", "<&\"'>", "a\u00a0b", "\u200d"])
def test_ordinary_text_is_taken(text: str) -> None:
    check_text(text, "the title", 20)


@pytest.mark.parametrize(
    "code", [0, 9, 10, 13, 0x7F, 0x85, 0x61C, 0x200F, 0x2028, 0x202E, 0x2066, 0xD800, 0xFFFF]
)
def test_character_that_changes_its_surroundings_is_refused_by_its_number(code: int) -> None:
    with pytest.raises(ValueError, match=f"in the title, got U\\+{code:04X}"):
        check_text(f"a{chr(code)}b", "the title", 20)


def test_long_text_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 3 characters as the title, got 4"):
        check_text("abcd", "the title", 3)

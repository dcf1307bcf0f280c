import pytest

from dialback.domain.orders import MAX_MESSAGE_CHARS, check_message


@pytest.mark.parametrize(
    "text", ["Save your work", "two\nlines", "x" * MAX_MESSAGE_CHARS, "Grüße \U0001f680"]
)
def test_message_may_have_lines_and_any_script(text: str) -> None:
    assert check_message(text) == text


@pytest.mark.parametrize(
    "text", ["", " \n ", "x" * (MAX_MESSAGE_CHARS + 1), "a\0b", "a\rb", "\u202eabc", "\x1b[2J"]
)
def test_message_that_could_steer_what_shows_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="message"):
        check_message(text)

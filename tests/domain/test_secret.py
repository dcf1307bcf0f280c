"""A secret shows itself nowhere but through `reveal`."""

import logging
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.secret import Secret

TEXT = "correct-horse-battery"


def test_secret_is_revealed_when_asked() -> None:
    assert Secret(TEXT).reveal() == TEXT


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(TEXT)),
        str(Secret(TEXT)),
        f"{Secret(TEXT)}",
        f"{Secret(TEXT)!r:>40}",
        f"{Secret(TEXT):>40}",
        "%s %r" % (Secret(TEXT), Secret(TEXT)),  # noqa: UP031 - the form under test
        format(Secret(TEXT), "x"),
        repr([Secret(TEXT), {"token": Secret(TEXT)}]),
    ],
)
def test_secret_hides_in_every_text_form(shown: str) -> None:
    assert TEXT not in shown
    assert "Secret(***)" in shown


def test_secret_hides_in_a_traceback_that_shows_locals() -> None:
    def fail(token: Secret) -> None:
        raise RuntimeError(token)

    with pytest.raises(RuntimeError) as caught:
        fail(Secret(TEXT))
    lines = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    shown = "".join(lines)
    assert "token = Secret(***)" in shown
    assert TEXT not in shown


def test_secret_hides_in_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("token %s", Secret(TEXT))
    assert caplog.messages == ["token Secret(***)"]


def test_secret_has_no_attributes_to_dump() -> None:
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


def test_secret_equals_no_plain_text() -> None:
    assert Secret(TEXT) != TEXT


@given(st.text(st.characters()), st.text(st.characters()))
def test_secrets_are_equal_exactly_when_their_texts_are(left: str, right: str) -> None:
    assert (Secret(left) == Secret(right)) == (left == right)
    assert hash(Secret(left)) == hash(Secret(left))


def test_comparing_a_broken_text_does_not_raise() -> None:
    assert Secret("\ud800") != Secret("\ud801")

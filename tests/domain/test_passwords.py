"""Which passwords are refused: short ones, the own name, and what everybody chooses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.passwords import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, weakness_of

NAME = "anna.berg@acme.example"


@pytest.mark.parametrize(
    "password",
    [
        "a long enough passphrase",
        "xK9#mQ2$vL7p",
        "Пароль из слов",
        "𝄞♩♪♫♬ and music",
        "anna likes her bicycle",
        "x" + "abcdefghijklmnop" * 15,
    ],
)
def test_good_password_breaks_no_rule(password: str) -> None:
    assert weakness_of(password, NAME) == ""


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("", "12 to 256 characters, got 0"),
        ("shortish123", "12 to 256 characters, got 11"),
        ("x" * 257, "12 to 256 characters, got 257"),
        ("aaaaaaaaaaaa", "different characters"),
        ("121212121212", "different characters"),
        ("Anna.Berg2026", "user name"),
        ("anna.berganna.berg", "user name"),
        ("password1234", "commonest"),
        ("PASSWORD!2026", "commonest"),
        ("1234567890123", "commonest"),
        ("qwertyuiop12", "commonest"),
        ("Welcome2Admin!", "commonest"),
        ("\uff50assword123456", "commonest"),
    ],
)
def test_weak_password_breaks_a_rule_that_is_said(password: str, rule: str) -> None:
    assert rule in weakness_of(password, NAME)


@given(st.text(), st.text(min_size=1, max_size=104))
def test_any_password_is_judged_and_a_short_or_endless_one_is_weak(password: str, name: str) -> None:
    rule = weakness_of(password, name)
    assert not rule or rule.startswith("expected ")
    assert rule or MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS

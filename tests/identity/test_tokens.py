"""Tokens: their form, and their hash."""

import hashlib
import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.access import check_token_text
from dialback.domain.secret import Secret
from dialback.identity.tokens import hash_token, make_connection_id, make_id, make_token


def test_token_is_43_base64url_characters_that_the_gateway_takes() -> None:
    text = make_token().reveal()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", text)
    check_token_text(text)


def test_no_two_tokens_are_alike() -> None:
    assert len({make_token().reveal() for _ in range(100)}) == 100


def test_hash_is_sha256_in_hexadecimal() -> None:
    assert hash_token("abc") == hashlib.sha256(b"abc").hexdigest()


@given(st.text())
def test_secret_and_text_have_the_same_hash(text: str) -> None:
    assert hash_token(Secret(text)) == hash_token(text)


def test_text_that_is_no_token_still_has_a_hash() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", hash_token("\ud800"))


def test_id_is_never_taken_for_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for make in (make_connection_id, make_id):
        drawn = iter(["-Mabc", "--help", "M-abc"])
        monkeypatch.setattr(secrets, "token_urlsafe", lambda count, drawn=drawn: next(drawn))
        assert make() == "M-abc"

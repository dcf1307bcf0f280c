"""What is kept while a person is at the provider, and its sealed form."""

import base64
import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.errors import Reason, Refused
from dialback.identity.oidc.pending import LIFE, Pending, seal, unseal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = os.urandom(32)
BACK = "https://gw.test/oidc/lab/back"


def begun() -> Pending:
    return Pending.begin("lab", BACK, NOW)


def test_each_sign_in_has_secrets_of_its_own() -> None:
    one, other = begun(), begun()
    hidden = {secret.reveal() for each in (one, other) for secret in (each.state, each.nonce, each.verifier)}
    assert len(hidden) == 6
    assert {len(text) for text in hidden} == {43}


def test_secrets_do_not_show() -> None:
    pending = begun()
    assert pending.state.reveal() not in repr(pending)


def test_sealed_text_is_opened_with_its_key() -> None:
    pending = begun()
    assert unseal(seal(pending, KEY), KEY, NOW + LIFE - timedelta(seconds=1)) == pending


def test_sealed_text_fits_a_cookie_and_shows_nothing() -> None:
    pending = begun()
    sealed = seal(pending, KEY)
    assert len(sealed) < 1000
    assert sealed.replace("-", "").replace("_", "").isalnum()
    assert pending.state.reveal() not in sealed


def test_sealed_text_is_over_after_ten_minutes() -> None:
    sealed = seal(begun(), KEY)
    with pytest.raises(Refused) as caught:
        unseal(sealed, KEY, NOW + LIFE + timedelta(seconds=1))
    assert caught.value.reason is Reason.OIDC_STATE_WRONG


def test_other_key_opens_nothing() -> None:
    with pytest.raises(Refused):
        unseal(seal(begun(), KEY), os.urandom(32), NOW)


def test_text_sealed_for_another_purpose_opens_nothing() -> None:
    raw = os.urandom(32)
    foreign = Fernet(base64.urlsafe_b64encode(raw)).encrypt(b"{}").decode()
    with pytest.raises(Refused):
        unseal(foreign, raw, datetime.now(UTC))


@given(st.integers(min_value=0, max_value=400), st.sampled_from("Ab9_"))
def test_any_change_is_noticed(at: int, letter: str) -> None:
    sealed = seal(begun(), KEY)
    changed = sealed[:at] + letter + sealed[at + 1 :]
    if changed != sealed:
        with pytest.raises(Refused):
            unseal(changed, KEY, NOW)


@given(st.text(max_size=100) | st.just("A" * 5000))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(Refused, match="oidc-state-wrong"):
        unseal(text, KEY, NOW)


def test_short_key_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="expected a key of 32 bytes"):
        seal(begun(), b"short")

"""One-time codes against the vectors of their specification; steps and recovery codes that are used once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.accounts import Credential
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import UserId
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from dialback.identity.totp import (
    RECOVERY_CODES,
    STEP_S,
    enrolment,
    hash_recovery_code,
    make_recovery_codes,
    spend_code,
    step_of,
)

SECRET = Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
"""The seed of [RFC 6238] Appendix B, `12345678901234567890`, in base32."""
NOW = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
STEP = int(NOW.timestamp()) // STEP_S
CREDENTIAL = Credential(MAIN, UserId("u"), totp_secret=SECRET)


def code_at(step: int) -> str:
    return pyotp.TOTP(SECRET.reveal()).generate_otp(step)


# [RFC 6238] Appendix B, Test Vectors, SHA-1; the last six of the eight digits.
@pytest.mark.parametrize(
    ("at_s", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_code_is_the_specifications(at_s: int, code: str) -> None:
    assert step_of(SECRET, code, datetime.fromtimestamp(at_s, UTC)) == at_s // STEP_S


@pytest.mark.parametrize(("off", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_code_is_good_one_step_around(off: int, good: bool) -> None:
    assert (step_of(SECRET, code_at(STEP + off), NOW) == STEP + off) is good


@pytest.mark.parametrize("used", [0, 1])
def test_step_that_was_used_and_those_before_are_refused(used: int) -> None:
    spent = spend_code(CREDENTIAL, code_at(STEP + used), NOW)
    assert spent.totp_step == STEP + used
    for off in range(-1, used + 1):
        with pytest.raises(Refused) as caught:
            spend_code(spent, code_at(STEP + off), NOW)
        assert caught.value.reason is Reason.CODE_REFUSED
    later = NOW + timedelta(seconds=STEP_S * (used + 1))
    assert spend_code(spent, code_at(STEP + used + 1), later).totp_step == STEP + used + 1


def test_code_may_be_typed_in_groups() -> None:
    code = code_at(STEP)
    assert spend_code(CREDENTIAL, f" {code[:3]} {code[3:]} ", NOW).totp_step == STEP


@given(st.text(max_size=70))
def test_any_other_text_is_refused(text: str) -> None:
    good = {code_at(STEP + off) for off in (-1, 0, 1)}
    if "".join(text.split()) not in good:
        with pytest.raises(Refused):
            spend_code(CREDENTIAL, text, NOW)


@pytest.mark.parametrize("secret", ["", "short", "gezdgnbvgy3tqojqgezdgnbvgy3tqojq", "1" * 32, "\ud800" * 32])
def test_secret_that_is_none_has_no_codes(secret: str) -> None:
    assert step_of(Secret(secret), "000000", NOW) is None


def test_recovery_codes_are_good_once_each_however_they_are_typed() -> None:
    codes = make_recovery_codes()
    assert len({code.reveal() for code in codes}) == RECOVERY_CODES
    credential = replace(CREDENTIAL, recovery_hashes=frozenset(map(hash_recovery_code, codes)))
    for code in codes:
        typed = code.reveal().replace("-", " ").upper()
        spent = spend_code(credential, typed, NOW)
        assert spent.recovery_hashes == credential.recovery_hashes - {hash_recovery_code(code)}
        assert spent.totp_step == credential.totp_step
        with pytest.raises(Refused):
            spend_code(spent, typed, NOW)


def test_app_is_given_the_secret_under_both_names() -> None:
    made = enrolment("anna@acme.example", "Dialback: gw")
    assert made.secret != enrolment("anna@acme.example", "Dialback: gw").secret
    parts = urlsplit(made.uri.reveal())
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query)["secret"] == [made.secret.reveal()]
    assert made.secret.reveal() not in repr(made)

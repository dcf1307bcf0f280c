"""One-time codes by time, and recovery codes that stand in for them.

A code is good in its own 30 seconds and in those before and after, since clocks differ; a step that was
used, and every one before it, is refused from then on [RFC 6238, 5.2 Validation and Time-Step Size]. A
recovery code holds 79 random bits, is kept as a hash, and is good once.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime

import pyotp

from dialback.domain.accounts import Credential
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import TokenHash
from dialback.domain.secret import Secret
from dialback.identity.tokens import hash_token
from dialback.identity.typed import bare, draw, grouped

STEP_S = 30
CODE_DIGITS = 6
RECOVERY_CODES = 10
SECRET_CHARS = 32
_RECOVERY_CHARS = 16
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app is given: the secret in base32, and the `otpauth:` URI for its camera."""

    secret: Secret
    uri: Secret


def enrolment(name: str, issuer: str) -> Enrolment:
    """Return a new secret for somebody of that name."""
    text = pyotp.random_base32(SECRET_CHARS)
    uri = pyotp.TOTP(text, interval=STEP_S).provisioning_uri(name=name, issuer_name=issuer)
    return Enrolment(Secret(text), Secret(uri))


def step_of(secret: Secret, code: str, now: datetime, used: int = 0) -> int | None:
    """Return the time step after `used` whose code it is; None if it is no such code now."""
    text = secret.reveal()
    if len(text) < SECRET_CHARS or not set(text) <= _BASE32:
        return None
    totp = pyotp.TOTP(text, interval=STEP_S)
    current = int(now.timestamp()) // STEP_S
    for step in range(max(current - 1, used + 1), current + 2):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode(errors="replace")):
            return step
    return None


def spend_code(credential: Credential, code: str, now: datetime) -> Credential:
    """Return the credential after the code was used: a one-time code, or a recovery code.

    Raises:
        Refused: it is neither, or was used before.
    """
    hash = hash_recovery_code(Secret(code))
    if hash in credential.recovery_hashes:
        return replace(credential, recovery_hashes=credential.recovery_hashes - {hash})
    secret = credential.totp_secret
    step = step_of(secret, bare(code), now, credential.totp_step) if secret is not None else None
    if step is None:
        raise Refused(Reason.CODE_REFUSED)
    return replace(credential, totp_step=step)


def make_recovery_codes() -> tuple[Secret, ...]:
    """Return new recovery codes as people write them down: four groups of four."""
    return tuple(Secret(grouped(draw(_RECOVERY_CHARS))) for _ in range(RECOVERY_CODES))


def hash_recovery_code(code: Secret) -> TokenHash:
    """Return what is kept of a recovery code, however it was spaced or capitalised."""
    return hash_token(bare(code.reveal()).lower())

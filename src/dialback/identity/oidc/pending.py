"""A sign-in that was begun: what must come back with the person, and its sealed form for a cookie.

Sealed by Fernet (encrypted and authenticated, with its time in it), under a key derived for this purpose
alone: a text sealed for something else with the same key opens nothing here. Single use is the provider's
part, which takes a code once; the caller forgets the cookie with the first answer.
"""

import base64
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret

LIFE = timedelta(minutes=10)
MIN_KEY_BYTES = 32
MAX_SEALED_CHARS = 4096
"""What a browser keeps in one cookie."""
_PURPOSE = b"dialback oidc pending"
_SECRETS = ("state", "nonce", "verifier")


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in on its way.

    Attributes:
        provider: name of the provider's settings.
        redirect_uri: where the provider sends the person back.
        state: ties the answer to the browser.
        nonce: ties the id token to the sign-in.
        verifier: ties the code to this server [RFC 7636]; 43 base64url characters.
        begun_at: when it was begun.
    """

    provider: str
    redirect_uri: str
    state: Secret
    nonce: Secret
    verifier: Secret
    begun_at: datetime

    @classmethod
    def begin(cls, provider: str, redirect_uri: str, now: datetime) -> Self:
        """Return a new one, its secrets of 32 random bytes each."""
        state, nonce, verifier = (Secret(secrets.token_urlsafe(32)) for _ in range(3))
        return cls(provider, redirect_uri, state, nonce, verifier, now)


def seal(pending: Pending, key: bytes) -> str:
    """Return the sealed text, fit for a cookie: base64url, about 600 characters.

    Args:
        key: 32 random bytes or more, the same for every node.
    """
    values = {**asdict(pending, dict_factory=_plain), "begun_at": pending.begun_at.isoformat()}
    text = json.dumps(values, separators=(",", ":")).encode()
    sealed = _fernet(key).encrypt_at_time(text, int(pending.begun_at.timestamp()))
    # A cookie's value would have to be quoted for the padding.
    return sealed.decode().rstrip("=")


def unseal(text: str, key: bytes, now: datetime) -> Pending:
    """Return what was sealed.

    Raises:
        Refused: `OIDC_STATE_WRONG`: it was not sealed here, was changed, or is older than ten minutes.
    """
    if len(text) > MAX_SEALED_CHARS or not text.isascii():
        raise Refused(Reason.OIDC_STATE_WRONG, "cookie")
    try:
        padded = text + "=" * (-len(text) % 4)
        opened = _fernet(key).decrypt_at_time(padded, int(LIFE.total_seconds()), int(now.timestamp()))
    except InvalidToken:
        raise Refused(Reason.OIDC_STATE_WRONG, "cookie") from None
    # The seal says that we wrote it, so its form is known.
    values: dict[str, Any] = json.loads(opened)
    hidden = {name: Secret(values[name]) for name in _SECRETS}
    return Pending(**{**values, **hidden, "begun_at": datetime.fromisoformat(values["begun_at"])})


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in items}


def _fernet(key: bytes) -> Fernet:
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"expected a key of {MIN_KEY_BYTES} bytes or more, got {len(key)}")
    derived = HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))

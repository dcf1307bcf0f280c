"""Between the two steps of a sign-in: name and password, sealed, while the person looks for the code.

The page of the second step carries them, so that nothing has to be kept here and any node can go on. They
are encrypted and authenticated (Fernet), under a key derived for this purpose alone, and good for five
minutes. The code is checked together with them, so that a guess counts as it does for any other attempt.
"""

import base64
import json
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret

LIFE = timedelta(minutes=5)
MAX_SEALED_CHARS = 8192
_PURPOSE = b"dialback second step"


def seal(login: str, password: Secret, key: bytes, now: datetime) -> str:
    """Return what the page of the second step carries; `key` has 32 bytes or more."""
    text = json.dumps([login, password.reveal()]).encode()
    return _fernet(key).encrypt_at_time(text, int(now.timestamp())).decode()


def unseal(text: str, key: bytes, now: datetime) -> tuple[str, Secret]:
    """Return name and password; raise `Refused`, SIGN_IN_ENDED, if too old or not sealed here."""
    if len(text) > MAX_SEALED_CHARS or not text.isascii():
        raise Refused(Reason.SIGN_IN_ENDED)
    try:
        opened = _fernet(key).decrypt_at_time(text.encode(), int(LIFE.total_seconds()), int(now.timestamp()))
    except InvalidToken:
        raise Refused(Reason.SIGN_IN_ENDED) from None
    login, password = json.loads(opened)
    return login, Secret(password)


def _fernet(key: bytes) -> Fernet:
    derived = HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(key)
    return Fernet(base64.urlsafe_b64encode(derived))

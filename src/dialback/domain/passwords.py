"""Which passwords are refused as too weak: length counts, and what everybody chooses does not.

No rule about kinds of characters: such rules make passwords that people write down (NIST SP 800-63B, 5.1.1.2
"Memorized Secret Verifiers"). What is left out: whether a password was leaked elsewhere, which only a service
on the network could tell.
"""

import unicodedata

from dialback.domain.names import key_of

MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_CHARS = 256
MIN_DIFFERENT_CHARS = 5

_COMMON = tuple(
    sorted(
        {
            *(
                "0123456789",
                "1234567890",
                "9876543210",
                "abcdefghij",
                "1qaz2wsx3edc",
                "1q2w3e4r5t",
                "q1w2e3r4t5",
            ),
            *(
                "qwertyuiop",
                "qwertzuiop",
                "azertyuiop",
                "asdfghjkl",
                "zxcvbnm",
                "yxcvbnm",
                "qwerty",
                "qwertz",
            ),
            *("azerty", "asdf", "password", "passwort", "passw0rd", "p@ssword", "p@ssw0rd", "motdepasse"),
            *("contraseña", "senha", "changeme", "letmein", "iloveyou", "welcome", "willkommen", "trustno"),
            *("admin", "administrator", "superman", "football", "baseball", "sunshine", "princess", "dragon"),
            *(
                "monkey",
                "master",
                "michael",
                "whatever",
                "secret",
                "login",
                "default",
                "test",
                "user",
                "guest",
            ),
            *("root", "dialback", "remote", "desktop", "server", "company", "correcthorsebatterystaple"),
        },
        key=len,
        reverse=True,
    )
)
"""Words and rows of keys that the passwords people choose most often consist of, the longest first."""


def weakness_of(password: str, name: str) -> str:
    """Return which rule the password breaks, in words for who chose it; empty if none.

    Args:
        name: what the user signs in with.
    """
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        return f"expected {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters, got {len(password)}"
    plain = key_of(unicodedata.normalize("NFKC", password))
    if len(set(plain)) < MIN_DIFFERENT_CHARS:
        return f"expected at least {MIN_DIFFERENT_CHARS} different characters"
    own = key_of(name).partition("@")[0]
    rest = plain.replace(own, "") if own else plain
    if len(rest) < MIN_PASSWORD_CHARS // 2:
        return "expected something else than the user name"
    if _is_common(plain):
        return "expected something else than one of the commonest passwords"
    return ""


def _is_common(plain: str) -> bool:
    """Say whether nothing but common words, digits and signs is in it."""
    letters = plain
    for word in _COMMON:
        letters = letters.replace(word, "")
    return (
        letters != plain and not any(char.isalpha() for char in letters) and len(letters) < MIN_PASSWORD_CHARS
    )

"""Random texts that people copy by hand: no characters that are taken for others, in groups of four."""

import secrets

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no words come about [RFC 8628, 6.1 User Code Recommendations]."""
MAX_TYPED_CHARS = 64
_BETWEEN = frozenset(" -\t\u00a0\u2010\u2011\u2013")


def draw(chars: int, letters: str = LETTERS) -> str:
    """Return random characters, without groups."""
    return "".join(secrets.choice(letters) for _ in range(chars))


def grouped(text: str) -> str:
    """Return the text in groups of four."""
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def bare(text: str) -> str:
    """Return what was typed without what stands between groups."""
    return "".join(char for char in text[:MAX_TYPED_CHARS] if char not in _BETWEEN)

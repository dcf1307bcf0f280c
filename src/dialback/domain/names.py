"""Text that people write into the directory: one rule for every field.

Refused are controls, line breaks, NUL and lone surrogates, since they change what a line, a header or a
document says; direction marks, since they make a name look like another; and the two characters that XML has
no way to write. All else is kept as it is, characters beyond 16 bits included; a field is bounded in
characters, and nothing is replaced silently.

What is left out: which names look alike (homoglyphs). Names that differ alone in case or in how accents are
composed have one key, and a directory holds one of each key.
"""

import re
import unicodedata

MAX_NAME_CHARS = 64
MAX_TEXT_CHARS = 260
"""Paths and arguments: what Windows takes as a path."""
MAX_USER_CHARS = 104
MAX_ID_CHARS = 64

_UNFIT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_ID_CHARS}}}")


def check_id(text: str, what: str) -> None:
    """Raise `ValueError` unless the text can be an id: 1 to 64 base64url characters."""
    if not _ID.fullmatch(text):
        raise ValueError(
            f"expected 1 to {MAX_ID_CHARS} of A-Z, a-z, 0-9, - and _ as {what}, got {text[:80]!r}"
        )


def check_text(text: str, what: str, max_chars: int = MAX_TEXT_CHARS) -> None:
    """Raise `ValueError` unless the text may stand in a field; the empty text may."""
    if len(text) > max_chars:
        raise ValueError(f"expected {max_chars} characters at most as {what}, got {len(text)}")
    if found := _UNFIT.search(text):
        code = ord(found.group())
        raise ValueError(f"expected no control, line break or direction mark in {what}, got U+{code:04X}")


def check_name(text: str, what: str, max_chars: int = MAX_NAME_CHARS) -> None:
    """Raise `ValueError` unless the text may be a name: not empty, without spaces around it."""
    check_text(text, what, max_chars)
    if not text or text != text.strip():
        raise ValueError(f"expected 1 to {max_chars} characters without spaces around them as {what}")


def visible(text: str) -> str:
    """Return the text with what no field may have, blanks left aside, shown by its code: `\\x1b`, `\\u202e`.

    A text that may stand in a field comes back as it is.
    """
    return _UNFIT.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    char = found.group()
    return char if char in "\t\n\r" else char.encode("unicode_escape").decode("ascii")


def key_of(name: str) -> str:
    """Return what two names have in common that people take for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())

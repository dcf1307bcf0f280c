"""A text that does not show itself: tokens, tickets, passwords.

The text is reached by `reveal()` alone; `repr`, `str` and formatting give stars, so that a secret passed to a
log line, a traceback or a page by mistake tells nothing.
"""

import hmac


class Secret:
    """A secret text, compared in constant time and hidden from every text form."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself; call this only where it goes onto the wire or into a hash."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def _bytes(self) -> bytes:
        # A lone surrogate must not raise here: the error would carry the text into a traceback.
        return self._text.encode(errors="surrogatepass")

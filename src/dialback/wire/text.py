"""Text that people wrote and that goes into a format others read: what no field of ours carries.

Refused are controls, line breaks, NUL and lone surrogates, since they change what a line or document says;
direction marks, since they make a name look like another; and the two characters that XML has no way to
write. All else is kept as it is, characters beyond 16 bits included. Nothing is replaced silently: who asks
for a name gets that name or a reason.
"""

import re

_UNFIT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def check_text(text: str, what: str, max_chars: int) -> None:
    """Raise unless the text may stand in a field.

    Raises:
        ValueError: it is too long or holds a character that is refused; the message gives `what`, not the
            text.
    """
    if len(text) > max_chars:
        raise ValueError(f"expected at most {max_chars} characters as {what}, got {len(text)}")
    found = _UNFIT.search(text)
    if found:
        code = ord(found.group())
        raise ValueError(f"expected no controls or direction marks in {what}, got U+{code:04X}")

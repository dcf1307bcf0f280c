"""Links that start the console: `dialback://connect/TENANT/HOST?purpose=…&ticket-number=…&user=…`.

Any web page can hold such a link, so it decides nothing: what it says is put into the dialog for the
technician to read and confirm. A link with anything unknown in it is refused as a whole.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from dialback.domain.consent import MAX_PURPOSE_CHARS
from dialback.domain.errors import Problem
from dialback.domain.names import MAX_USER_CHARS, check_name, check_text

SCHEME = "dialback"
MAX_LINK_CHARS = 2048
_KNOWN = {"purpose", "ticket-number", "user"}


class BadLink(Problem):
    """The link is none of the console's; the message says why."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link proposes; `where` is `TENANT/HOST`."""

    where: str
    purpose: str = ""
    ticket_number: str = ""
    user: str = ""


def parse_link(text: str) -> Link:
    """Parse a link.

    Raises:
        BadLink: it is too long, damaged, or asks for something unknown.
    """
    if len(text) > MAX_LINK_CHARS:
        raise BadLink(f"expected a link of at most {MAX_LINK_CHARS} characters, got {len(text)}")
    try:
        parts = urlsplit(text)
        given = parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), errors="strict"
        )
        path = [unquote(part, errors="strict") for part in parts.path.split("/")[1:]]
    except ValueError as error:
        raise BadLink(f"the link is damaged: {error}") from error
    if (parts.scheme, parts.netloc) != (SCHEME, "connect") or len(path) != 2 or not all(path):
        raise BadLink("expected a link like dialback://connect/TENANT/HOST")
    values = dict(given)
    if len(values) != len(given) or not set(values) <= _KNOWN or parts.fragment:
        raise BadLink(
            f"expected each of {', '.join(sorted(_KNOWN))} at most once and nothing else in the link"
        )
    return _checked("/".join(path), values)


def _checked(where: str, values: dict[str, str]) -> Link:
    try:
        check_name(where, "host", MAX_LINK_CHARS)
        check_text(values.get("purpose", ""), "purpose", MAX_PURPOSE_CHARS)
        check_text(values.get("ticket-number", ""), "ticket number", 100)
        check_text(values.get("user", ""), "user name", MAX_USER_CHARS)
    except ValueError as error:
        raise BadLink(f"the link is refused: {error}") from error
    return Link(where, values.get("purpose", ""), values.get("ticket-number", ""), values.get("user", ""))

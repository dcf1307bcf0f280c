"""How a client asks for a feed, and what goes around the document: versions, types, login, freshness.

Accept headers are read loosely, since clients differ in spacing, order and number of headers; a client that
asks for nothing we know gets schema 1.1, which all read. The login answers with a token as the *body*, and
the client brings it back as a cookie. What is left out: quality values (no client sends any), and whether a
token is good.

Source: [MS-TSWP] 2.2.1.4, Resource List Content-Type; 2.2.3, .ASPXAUTH Cookie; 2.2.5, Content Negotiation;
RFC 9110, HTTP Semantics, sections 8.8.3, ETag, and 13.1.2, If-None-Match.
"""

import hashlib
import re
from collections.abc import Iterable
from enum import Enum

COOKIE_NAME = ".ASPXAUTH"
LOGIN_CONTENT_TYPE = "application/x-msts-webfeed-login; charset=utf-8"
ICO_CONTENT_TYPE = "image/x-icon"
PNG_CONTENT_TYPE = "image/png"
RDP_CONTENT_TYPE = "application/x-rdp"
MAX_COOKIE_BYTES = 4095

_ASKED = re.compile(
    r"radc_schema_version[ \t]*=[ \t]*\"?[ \t]*([0-9]{1,4}\.[0-9]{1,4})(?![0-9.])", re.IGNORECASE
)
_TOKEN = re.compile(r"[A-Za-z0-9_.~+/=-]+")
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


class SchemaVersion(Enum):
    """The version of a feed's document."""

    V1_1 = "1.1"
    V2_0 = "2.0"
    V2_1 = "2.1"

    @property
    def content_type(self) -> str:
        """The type the document is sent with."""
        name = "text/xml" if self is SchemaVersion.V1_1 else "application/x-msts-radc+xml"
        return f"{name}; charset=utf-8"


def choose_version(accept: Iterable[str] = (), parameter: str = "") -> SchemaVersion:
    """Choose the newest version that the client asked for.

    A client that asks for 2.0 gets exactly that: 2.1 would be allowed, and adds nothing it must have.

    Args:
        accept: the values of all Accept headers.
        parameter: the value of `radc_schema_version` in the address, empty if it has none.
    """
    asked = {parameter.strip(), *(version for value in accept for version in _ASKED.findall(value))}
    known = [version for version in SchemaVersion if version.value in asked]
    return known[-1] if known else SchemaVersion.V1_1


def build_login_body(token: str) -> bytes:
    """Build the answer to a login: the token, which the client adopts as the value of its cookie.

    Raises:
        ValueError: the token is empty, cannot be a cookie's value, or is too long for one.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("expected letters, digits and any of _.~+/=- as token, got something else")
    if len(COOKIE_NAME) + 1 + len(token) > MAX_COOKIE_BYTES:
        raise ValueError(f"expected a cookie of at most {MAX_COOKIE_BYTES} bytes, got {len(token)} of token")
    return token.encode("ascii")


def token_of(cookies: Iterable[str]) -> str | None:
    """Return the token among the values of all Cookie headers, None if there is none that can be one.

    Two different ones are none: somebody added a cookie to another's.
    """
    found: set[str] = set()
    for header in cookies:
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            if name.casefold() == COOKIE_NAME.casefold():
                found.add(value.strip().strip('"'))
    token = found.pop() if len(found) == 1 else ""
    fits = _TOKEN.fullmatch(token) and len(COOKIE_NAME) + 1 + len(token) <= MAX_COOKIE_BYTES
    return token if fits else None


def entity_tag(body: bytes) -> str:
    """Return the ETag of a body: the same body has the same one, on every node and after every start."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_unchanged(if_none_match: Iterable[str], tag: str) -> bool:
    """Say whether the client has this version, so that 304 is the answer; weak tags count as well."""
    values = list(if_none_match)
    return any(value.strip() == "*" or tag in _TAG.findall(value) for value in values)


def content_disposition(title: str) -> str:
    """Return the header value that saves a connection file under its title.

    The plain name is ASCII with anything doubtful as `_`; clients that know better take the second, which
    is percent-encoded UTF-8 (RFC 6266, section 4.3, and RFC 8187).
    """
    safe = re.sub(r"[\x00-\x1f\x7f<>:\"/\\|?*%;]", "_", title).strip(" .")[:100] or "connection"
    plain = re.sub(r"[^\x20-\x7e]", "_", safe)
    full = "".join(
        chr(byte) if chr(byte).isascii() and (chr(byte).isalnum() or byte in b"-._~") else f"%{byte:02X}"
        for byte in safe.encode("utf-8", "replace")
    )
    return f"attachment; filename=\"{plain}.rdp\"; filename*=UTF-8''{full}.rdp"

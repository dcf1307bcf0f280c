"""Ways to a feed without typing its address: the `.wcx` file, the DNS record, the discovery document.

The discovery document is what Azure's clients ask for first. They want tokens of Microsoft for all that
follows, so ours serves other clients at most. Left out: the address scheme `ms-rd`, whose only client has
been retired.

Source: Microsoft Learn, Set up email discovery to subscribe to your RDS feed; open clients that read Azure's
discovery.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from dialback.wire.feed import markup
from dialback.wire.feed.model import MAX_TITLE_CHARS
from dialback.wire.text import check_text

WCX_NAMESPACE = "http://schemas.microsoft.com/ts/2008/09/tswcx"
DISCOVERY_NAMESPACE = "http://schemas.microsoft.com/ts/2014/03/tswfdiscovery"
DISCOVERY_CONTENT_TYPE = "application/x-msts-radc-discovery+xml; charset=utf-8"
TXT_TTL_S = 300

_MAX_TXT_CHARS = 255
_URL = re.compile(r"https://[A-Za-z0-9.:\[\]-]+/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_DOMAIN = re.compile(r"(?=.{1,245}$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")


@dataclass(frozen=True, slots=True)
class TenantFeed:
    """One feed in a discovery document: its address, and the tenant's id and name."""

    feed_url: str
    tenant_id: str
    tenant_name: str


def build_wcx(name: str, feed_url: str) -> bytes:
    """Build the file that subscribes Windows' own client when it is opened.

    Raises:
        ValueError: the name or the address is not fit.
    """
    _check(name, "the workspace's name")
    root = Element("workspace", {"name": name, "xmlns": WCX_NAMESPACE})
    SubElement(root, "defaultFeed", {"url": _https(feed_url)})
    return markup.build(root)


def build_txt_record(mail_domain: str, feed_url: str) -> str:
    """Build the line of a zone file by which clients find the feed of an e-mail address.

    Raises:
        ValueError: the domain is none, or the address does not fit into one string of 255 characters.
    """
    if not _DOMAIN.fullmatch(mail_domain):
        raise ValueError(f"expected a mail domain, got {mail_domain[:80]!r}")
    if len(_https(feed_url)) > _MAX_TXT_CHARS:
        raise ValueError(f"expected an address of at most {_MAX_TXT_CHARS} characters, got {len(feed_url)}")
    return f'_msradc.{mail_domain.rstrip(".")}. {TXT_TTL_S} IN TXT "{feed_url}"'


def build_discovery(feeds: Iterable[TenantFeed]) -> bytes:
    """Build the list of feeds that a discovery probe asks for.

    Raises:
        ValueError: there is none, or a field is not fit.
    """
    root = Element("TenantFeedURLs", {"xmlns": DISCOVERY_NAMESPACE})
    for feed in feeds:
        _check(feed.tenant_id, "the tenant's id")
        _check(feed.tenant_name, "the tenant's name")
        attributes = {"TenantId": feed.tenant_id, "TenantDisplayName": feed.tenant_name}
        SubElement(root, "TenantFeedURL", {"FeedURL": _https(feed.feed_url), **attributes})
    if not len(root):
        raise ValueError("expected at least one feed, got none")
    return markup.build(root)


def _https(url: str) -> str:
    if not _URL.fullmatch(url):
        raise ValueError(f"expected the HTTPS address of the feed, got {url[:80]!r}")
    return url


def _check(text: str, what: str) -> None:
    check_text(text, what, MAX_TITLE_CHARS)
    if not text.strip():
        raise ValueError(f"expected {what}, got nothing")

"""Ways to a feed."""

import pytest
from lxml import etree

from dialback.wire.feed.subscription import TenantFeed, build_discovery, build_txt_record, build_wcx

FEED = "https://broker.example.test/RDWeb/Feed/webfeed.aspx"


def test_wcx_names_the_workspace_and_its_feed() -> None:
    root = etree.fromstring(build_wcx("Zoë & Co", FEED + "?a=1&b=2"))
    assert root.tag == "{http://schemas.microsoft.com/ts/2008/09/tswcx}workspace"
    assert root.get("name") == "Zoë & Co"
    assert [(each.tag.rpartition("}")[2], each.get("url")) for each in root] == [
        ("defaultFeed", FEED + "?a=1&b=2")
    ]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\u202eb", "a" * 257])
def test_wcx_needs_a_good_name(name: str) -> None:
    with pytest.raises(ValueError, match="workspace's name"):
        build_wcx(name, FEED)


@pytest.mark.parametrize("url", ["", "http://a/", "/a", 'https://a/"', "https://a", "https://a/\n"])
def test_feed_has_an_https_address(url: str) -> None:
    with pytest.raises(ValueError, match="HTTPS address"):
        build_wcx("a", url)
    with pytest.raises(ValueError, match="HTTPS address"):
        build_txt_record("example.test", url)


@pytest.mark.parametrize("domain", ["example.test", "example.test."])
def test_txt_record_stands_under_the_mail_domain(domain: str) -> None:
    assert build_txt_record(domain, FEED) == f'_msradc.example.test. 300 IN TXT "{FEED}"'


@pytest.mark.parametrize("domain", ["", "a b", "-a", 'a"', "a." * 130])
def test_txt_record_needs_a_domain(domain: str) -> None:
    with pytest.raises(ValueError, match="mail domain"):
        build_txt_record(domain, FEED)


def test_txt_record_holds_one_string() -> None:
    with pytest.raises(ValueError, match="at most 255"):
        build_txt_record("a", "https://a/" + "b" * 246)


def test_discovery_lists_feeds() -> None:
    root = etree.fromstring(build_discovery([TenantFeed(FEED, "t-1", "Example <Ltd>")]))
    assert root.tag == "{http://schemas.microsoft.com/ts/2014/03/tswfdiscovery}TenantFeedURLs"
    assert dict(root[0].attrib) == {
        "FeedURL": FEED,
        "TenantId": "t-1",
        "TenantDisplayName": "Example <Ltd>",
    }


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ([], "at least one feed"),
        ([TenantFeed("http://a/", "t", "n")], "HTTPS address"),
        ([TenantFeed(FEED, "", "n")], "tenant's id"),
        ([TenantFeed(FEED, "t", "a\0")], "tenant's name"),
    ],
)
def test_discovery_needs_good_feeds(feeds: list[TenantFeed], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_discovery(feeds)

"""Addresses of the feed: how they are spelt, typed and found by an e-mail address."""

import pytest

from dialback.web.feed.addresses import (
    FEED,
    LOGIN,
    PROBED,
    RECONNECT,
    WCX,
    canonical,
    feed_path,
    feed_url,
    file_path,
    host_of,
    ico_path,
    png_path,
    txt_record,
)


@pytest.mark.parametrize(
    "path",
    [
        FEED,
        LOGIN,
        RECONNECT,
        WCX,
        file_path("office"),
        file_path("office", "W-1_x"),
        ico_path("aB-_9"),
        png_path("aB-_9", 32),
        feed_path("W-1_x"),
        "/feed/W-1_x/RDWebService.asmx",
        "/feed/W-1_x/workspace.wcx",
    ],
)
def test_path_in_any_case_is_spelt_as_it_is_and_keeps_its_id(path: str) -> None:
    assert canonical(path) == path
    folder, separator, leaf = path.rpartition("/")
    if "W-1" not in path and not leaf[:1].islower():
        assert canonical(path.upper()) == path
    assert canonical(f"{folder.lower() if 'W-1' not in path else folder}{separator}{leaf}") == path


def test_case_of_known_paths_does_not_count() -> None:
    assert canonical("/rdweb/FEED/WebFeed.ASPX") == FEED
    assert canonical("/FEED/w1/WEBFEED.ASPX") == feed_path("w1")
    assert canonical("/RDWEB/feed/RDP/office.rdp") == file_path("office")
    assert canonical("/FEED/w1/RDP/office.rdp") == file_path("office", "w1")
    assert canonical("/rdweb/feed/rdp/office.RDP") == file_path("office")
    assert canonical("/feed/w1/rdp/office.Rdp") == file_path("office", "w1")
    assert canonical("/rdweb/feed/icon/aB-_9.ICO") == ico_path("aB-_9")
    assert canonical("/rdweb/feed/icon/aB-_9-32.PNG") == png_path("aB-_9", 32)
    assert canonical("/rdweb/feed/icon/aB") == "/RDWeb/Feed/icon/aB"


@pytest.mark.parametrize(
    "path", ["/", "/rdweb", "/RDWeb/Feed", "/feed//webfeed.aspx", "/feed/a/b/webfeed.aspx"]
)
def test_other_paths_are_none_of_ours(path: str) -> None:
    assert canonical(path) is None


def test_probed_paths_are_not_paths_of_the_feed() -> None:
    assert all(path == path.casefold() and canonical(path) is None for path in PROBED)


def test_address_to_type_has_no_usual_port() -> None:
    assert feed_url("gw.example.org:443") == "https://gw.example.org/RDWeb/Feed/webfeed.aspx"
    assert feed_url("[::1]:8443", "w1") == "https://[::1]:8443/feed/w1/webfeed.aspx"


def test_record_names_the_feed() -> None:
    assert (
        txt_record("gw.example.org:443", "example.org")
        == '_msradc.example.org. 300 IN TXT "https://gw.example.org/RDWeb/Feed/webfeed.aspx"'
    )


def test_name_of_the_server_has_no_port_and_no_brackets() -> None:
    assert host_of("gw.example.org:443") == "gw.example.org"
    assert host_of("[::1]:443") == "::1"

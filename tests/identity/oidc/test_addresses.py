"""A provider is asked over https, and over http on this machine alone."""

import pytest

from dialback.identity.oidc.addresses import check_address, is_loopback, may_use_http


@pytest.mark.parametrize(
    "address",
    [
        "https://login.example.org",
        "https://login.example.org:8443/realms/main/",
        "http://127.0.0.1:19000",
        "http://localhost:19000/a",
        "http://[::1]:19000",
    ],
)
def test_address_that_nobody_can_read_along_is_taken(address: str) -> None:
    check_address(address, "issuer")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://login.example.org", "expected https"),
        ("http://127.0.0.1.example.org", "expected https"),
        ("ftp://127.0.0.1/", "expected https"),
        ("login.example.org", "expected"),
        ("https://", "expected an https address"),
        ("https://login.example.org:port/", "expected an https address"),
        ("https://login.example.org:0/", "expected an https address"),
        ("https://login.example.org/a b", "expected an https address"),
        ("https://login.example.org/\r\nx: y", "expected an https address"),
        ("https://user:word@login.example.org/", "without user and fragment"),
        ("https://login.example.org/#a", "without user and fragment"),
        ("https://login.example.org/" + "a" * 2048, "expected an https address"),
        ("", "expected"),
    ],
)
def test_other_address_is_refused(address: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_address(address, "issuer")


def test_http_on_loopback_can_be_refused_too() -> None:
    with pytest.raises(ValueError, match="as jwks_uri"):
        check_address("http://127.0.0.1/keys", "jwks_uri", http_on_loopback=False)


def test_loopback_is_this_machine_alone() -> None:
    assert [is_loopback(host) for host in ("localhost", "127.9.9.9", "::1")] == [True] * 3
    assert [is_loopback(host) for host in ("10.0.0.1", "localhost.test", "0.0.0.0")] == [False] * 3


def test_what_an_issuer_names_may_use_http_if_it_does_so_itself() -> None:
    assert may_use_http("http://127.0.0.1:1")
    assert not may_use_http("https://login.example.org")

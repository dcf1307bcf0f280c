"""Links that start the console: what they may say, and that anything else is refused."""

import pytest

from dialback.console.window.links import BadLink, Link, parse_link


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("dialback://connect/acme/files", Link("acme/files")),
        (
            "dialback://connect/acme/h%20%C3%BC?purpose=printer%20is+stuck&ticket-number=4711&user=tom",
            Link("acme/h ü", "printer is stuck", "4711", "tom"),
        ),
        ("dialback://connect/a/b?purpose=", Link("a/b")),
    ],
)
def test_link_proposes_host_and_purpose(text: str, link: Link) -> None:
    assert parse_link(text) == link


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://connect/acme/files",
        "dialback://open/acme/files",
        "dialback://tom@connect/acme/files",
        "dialback://connect:1/acme/files",
        "dialback://connect/acme",
        "dialback://connect/acme/",
        "dialback://connect//files",
        "dialback://connect/acme/files/more",
        "dialback://connect/acme/files#part",
        "dialback://connect/acme/files?client=evil",
        "dialback://connect/acme/files?purpose=a&purpose=b",
        "dialback://connect/acme/files?purpose",
        "dialback://connect/acme/%ff",
        "dialback://connect/acme/files?purpose=%ff",
        "dialback://connect/acme/a%0ab",
        "dialback://connect/acme/files?purpose=a%E2%80%AEb",
        "dialback://connect/acme/files?user=%1b",
        "dialback://connect/acme/files?ticket-number=" + "7" * 101,
        "dialback://[connect/acme/files",
        "dialback://connect/acme/" + "f" * 2048,
    ],
)
def test_link_with_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadLink):
        parse_link(text)

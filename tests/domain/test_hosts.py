"""Targets: every form that parses, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.hosts import DEFAULT_TARGET, Target, parse_target

TARGETS = [
    ("127.0.0.1:3389", Target(name="127.0.0.1", port=3389)),
    ("localhost:1", Target(name="localhost", port=1)),
    ("WIN-7.corp.example:65535", Target(name="win-7.corp.example", port=65535)),
    ("[::1]:3389", Target(name="::1", port=3389)),
    ("[FE80::1]:3389", Target(name="fe80::1", port=3389)),
    ("[::ffff:10.0.0.1]:3389", Target(name="::ffff:10.0.0.1", port=3389)),
    ("unix:/run/xrdp.sock", Target(path="/run/xrdp.sock")),
    ("unix:/" + "x" * 99, Target(path="/" + "x" * 99)),
]

NO_TARGETS = [
    "",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:3389 ",
    "127.0.0.1:3389\n",
    "::1:3389",
    "[::::]:3389",
    "[10.0.0.1]:3389",
    "[::1]",
    "-host:3389",
    "host-:3389",
    "ho st:3389",
    "host:٣٣٨٩",
    "x" * 254 + ":3389",
    "unix:relative.sock",
    "unix:/",
    "unix:/a\0b",
    "unix:/a\nb",
    "unix:/a\ud800",
    "unix:/" + "x" * 101,
    "http://host:3389",
]


@pytest.mark.parametrize(("text", "target"), TARGETS)
def test_target_is_read(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("text", NO_TARGETS)
def test_other_text_is_no_target_and_the_error_names_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected NAME:PORT, \[IPV6\]:PORT or unix:/PATH"):
        parse_target(text)


def test_error_quotes_a_bounded_part_of_the_text() -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        parse_target("!" * 100_000)
    assert len(str(caught.value)) < 200


def test_default_target_is_a_target_on_loopback() -> None:
    assert parse_target(DEFAULT_TARGET) == Target(name="127.0.0.1", port=3389)


@pytest.mark.parametrize("target", [target for _, target in TARGETS])
def test_text_of_a_target_reads_back_as_that_target(target: Target) -> None:
    assert parse_target(str(target)) == target


@given(st.one_of(st.text(), st.from_regex(r"(\[[0-9a-f:.]*\]|[a-zA-Z0-9.-]*):[0-9]{0,6}", fullmatch=True)))
def test_any_text_gives_a_stable_target_or_a_value_error(text: str) -> None:
    try:
        target = parse_target(text)
    except ValueError:
        return
    assert parse_target(str(target)) == target
    assert bool(target.path) != bool(target.name and target.port)

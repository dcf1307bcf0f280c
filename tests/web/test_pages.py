from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from dialback.store.memory import MemoryStore
from dialback.store.memory_approvals import MemoryApprovals
from dialback.store.memory_provider import MemoryProvider
from dialback.web.consents import Consents
from dialback.web.pages import (
    Pages,
    code,
    milliseconds,
    octets,
    own_path,
    see_other,
    signin_path,
    span,
    wants_part,
)
from tests.web.portal.stage import NOW


@pytest.mark.parametrize(
    "path", ["/", "/sessions", "/sessions?said=x&y=1", "/connect/office#x", "/a//b", "/a:b@c"]
)
def test_own_path_is_kept(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sessions",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\u2215evil.example",
        "/x\r\nSet-Cookie: a=b",
        "//[",
        "/" + "x" * 600,
    ],
)
def test_whatever_leads_elsewhere_becomes_the_first_page(text: str) -> None:
    assert own_path(text) == "/"


@given(st.text())
def test_own_path_is_always_one_line_below_this_server(text: str) -> None:
    path = own_path(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path.isprintable()


def test_sign_in_remembers_path_and_query() -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/x y",
        "query_string": b"a=1",
        "headers": [],
        "server": ("h", 1),
        "scheme": "https",
    }
    assert signin_path(Request(scope)) == "/signin?next=%2Fx%20y%3Fa%3D1"


def test_part_is_wanted_by_the_script_alone() -> None:
    def asked(value: bytes) -> bool:
        return wants_part(Request({"type": "http", "headers": [(b"hx-request", value)]}))

    assert asked(b"true")
    assert not asked(b"1")


def test_form_that_was_carried_out_leads_on() -> None:
    response = see_other("/x")
    assert (response.status_code, response.headers["location"]) == (303, "/x")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3725, "1 h 2 min"),
        (90061, "1 d 1 h"),
        (86400, "1 d"),
    ],
)
def test_span_in_words(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("ms", "words"), [(0.2, "<1 ms"), (14.4, "14 ms"), (1500, "1.5 s"), (3_600_000, "1 h")]
)
def test_duration_of_a_stage_in_words(ms: float, words: str) -> None:
    assert milliseconds(ms) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (5 * 10**15, "5000.0 TB")]
)
def test_number_of_bytes_in_words(count: int, words: str) -> None:
    assert octets(count) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Run `dialback doctor` here.", "Run <code>dialback doctor</code> here."),
        ("See `[a]` and `b`.", "See <code>[a]</code> and <code>b</code>."),
        ("One ` alone, and ``.", "One ` alone, and ``."),
        ("`<b>`\u202e<i>", "<code>&lt;b&gt;</code>\\u202e&lt;i&gt;"),
    ],
)
def test_what_stands_between_backticks_is_shown_as_code(text: str, shown: str) -> None:
    assert code(text) == shown


def test_what_a_template_shows_steers_nothing_whatever_the_template() -> None:
    consents = Consents(MemoryProvider(MemoryStore().directory), lambda: NOW)
    pages = Pages(MemoryApprovals(), consents, lambda: NOW)
    facts = {"person": None, "navigation": (), "detail": "", "heading": "<b>"}
    answer = pages.answer("problem.html", sentence="a\x1b[2J\u202eb\ud800", **facts)
    text = bytes(answer.body).decode()
    assert "a\\x1b[2J\\u202eb\\ud800" in text
    assert "&lt;b&gt;" in text

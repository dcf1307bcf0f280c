"""Texts of the window: sentences, and other people's words made harmless."""

from datetime import timedelta

import pytest

from dialback.console.connecting import Step
from dialback.console.window.texts import (
    STATES,
    STEPS,
    bytes_text,
    in_menu,
    in_title,
    instant_text,
    listed,
    pairs,
    purpose_problem,
    safe,
    sentence_of,
    value_text,
    versions_differ,
)
from dialback.console.window.tree import State
from dialback.domain.errors import Problem, Reason, Refused
from dialback.wire.agent.version import VersionRange
from tests.console.window.things import ESCAPED, HOSTILE, NOW


def test_everything_has_its_words() -> None:
    assert set(STEPS) == set(Step)
    assert set(STATES) == set(State)


def test_words_of_others_are_shown_as_they_are_without_what_steers() -> None:
    assert safe(HOSTILE) == ESCAPED
    assert in_menu("a&b") == "a&&b"
    assert in_title("a[*]b") == "a[*][*]b"
    assert len(safe("x" * 10_000)) == 400
    assert value_text(HOSTILE) == ESCAPED
    assert "\n" not in sentence_of(Problem(HOSTILE))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            Refused(Reason.CONSENT_DENIED, "ann did"),
            "The tenant has denied what was asked; the detail says who did. ann did",
        ),
        (
            Refused(Reason.TENANT_SUSPENDED),
            "The tenant is suspended; the provider's administrator can resume it.",
        ),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused."),
        (Problem("no client is installed"), "no client is installed"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_failures_are_sentences(error: BaseException, sentence: str) -> None:
    assert sentence_of(error) == sentence


def test_warning_names_both_versions() -> None:
    text = versions_differ("acme/files", VersionRange(1, 1), VersionRange(2, 3))
    assert "console speaks protocol 1" in text
    assert "agent on acme/files speaks protocol 2 to 3" in text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (12_300_000, "12.3 MB"), (10**16, "10000.0 TB")],
)
def test_bytes_are_read_by_people(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_values_are_read_by_people() -> None:
    assert value_text(NOW) == NOW.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert value_text(timedelta(seconds=90)) == "0:01:30"
    assert instant_text(None) == "-"
    assert pairs("abcd" * 9) == ("AB:CD:" * 8)[:-1] + "\nAB:CD"
    assert (listed(["disk", "load"]), listed([])) == ("disk, load", "none")


@pytest.mark.parametrize(
    ("purpose", "ticket", "said"),
    [
        (" printer is stuck ", "", ""),
        ("  ", "4711", "Say why"),
        ("a\u202eb", "", "U+202E"),
        ("x" * 401, "", "400 characters"),
        ("why", "7" * 101, "ticket number"),
    ],
)
def test_purpose_is_wanted_and_judged_as_the_platform_does(purpose: str, ticket: str, said: str) -> None:
    problem = purpose_problem(purpose, ticket)
    assert said in problem
    assert bool(said) == bool(problem)

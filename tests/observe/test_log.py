import json
from collections.abc import Iterator

import pytest
import structlog

from dialback.observe.log import FIELD_CHARS, configure_logging, escape, get_logger


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü", "plain äöü"),
        ("a\nb\r\x1b[31m", "a\\nb\\r\\x1b[31m"),
        ("\u202eexe.txt", "\\u202eexe.txt"),
        ("\ud800", "\\ud800"),
    ],
)
def test_hostile_text_is_escaped(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_long_text_is_cut() -> None:
    assert escape("x" * 1000) == "x" * (FIELD_CHARS - 1) + "…"


def test_lines_are_json_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json_lines=True)
    get_logger("m").info("event", host="h\nforged", count=3)
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    assert (line["event"], line["host"], line["count"], line["level"]) == ("event", "h\\nforged", 3, "info")


def test_level_hides_what_is_below(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="warning")
    log = get_logger("m")
    log.info("hidden")
    log.warning("shown")
    text = capsys.readouterr().err
    assert "shown" in text
    assert "hidden" not in text


def test_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    secret = "do not show"
    try:
        raise ValueError(len(secret))
    except ValueError:
        get_logger("m").exception("failed")
    text = capsys.readouterr().err
    assert "ValueError" in text
    assert "do not show" not in text.replace('secret = "do not show"', "")

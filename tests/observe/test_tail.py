from collections.abc import Iterator

import pytest
import structlog

from dialback.observe.log import configure_logging, get_logger
from dialback.observe.tail import LINE_CHARS, MOST_LINES, LogTail


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("json_lines", [True, False])
def test_lines_are_kept_while_it_listens_and_printed_as_ever(
    json_lines: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(json_lines=json_lines)
    tail, log = LogTail(), get_logger("m")
    log.info("before")
    with tail.listening():
        log.info("during", host="desk\nforged", count=3)
        log.debug("too quiet")
    log.info("after")
    [line] = tail.lines()
    assert line.endswith("Z info during host=desk\\nforged count=3")
    assert [word in capsys.readouterr().err for word in ("before",)] == [True]


def test_traceback_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json_lines=True)
    tail = LogTail()
    with tail.listening():
        try:
            raise ValueError("secret")
        except ValueError:
            get_logger("m").exception("it failed")
    assert "secret" not in tail.lines()[0]
    assert "secret" in capsys.readouterr().err


def test_only_the_last_are_kept_and_long_ones_are_cut() -> None:
    configure_logging(level="info")
    tail = LogTail()
    with tail.listening():
        for number in range(MOST_LINES + 5):
            get_logger("m").info(f"line {number}", a="x" * 400, b="y" * 400)
    assert len(tail.lines()) == MOST_LINES
    assert "line 5 " in tail.lines()[0]
    assert {len(line) for line in tail.lines()} == {LINE_CHARS}

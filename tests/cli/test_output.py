from datetime import UTC, datetime

import pytest

from dialback.cli.output import complain, print_json, print_line, print_table, say, shown
from tests.cli.conftest import HOSTILE, assert_harmless

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb", "a\\nb"),
        ("\u202eabc", "\\u202eabc"),
        ("ä", "ä"),
    ],
)
def test_value_becomes_a_safe_text(value: object, text: str) -> None:
    assert shown(value) == text


def test_instant_is_shown_in_local_time() -> None:
    instant = datetime(2026, 3, 1, 12, tzinfo=UTC)

    assert shown(instant) == instant.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def test_table_shows_every_text_as_it_is(capsys: Capture) -> None:
    print_table(("NAME", "FROM"), [(HOSTILE, "2001:db8:ab:cd::1"), ("x", "[/]")], "none")

    text = capsys.readouterr().out
    assert_harmless(text)
    assert "2001:db8:ab:cd::1" in text
    assert "[/]" in text
    assert len(text.splitlines()) == 3


def test_table_without_rows_is_a_sentence(capsys: Capture) -> None:
    print_table(("NAME",), [], "Nothing is there.")

    assert capsys.readouterr().out == "Nothing is there.\n"


def test_row_is_not_cut(capsys: Capture) -> None:
    print_table(("A", "B"), [("x" * 200, "y" * 200)], "")

    text = capsys.readouterr().out
    assert "x" * 200 in text
    assert "y" * 200 in text


def test_json_is_ascii_and_has_instants_in_iso_form(capsys: Capture) -> None:
    print_json({"at": datetime(2026, 3, 1, tzinfo=UTC), "name": HOSTILE})

    text = capsys.readouterr().out
    assert text.isascii()
    assert "\x1b" not in text
    assert "2026-03-01T00:00:00+00:00" in text


def test_line_is_printed_in_one_piece(capsys: Capture) -> None:
    print_line("dialback1." + "x" * 400 + "[bold]:ab:")
    say("[bold]")

    assert capsys.readouterr().out == "dialback1." + "x" * 400 + "[bold]:ab:\n[bold]\n"


def test_complaint_is_one_line(capsys: Capture) -> None:
    complain(f"no {HOSTILE}")

    text = capsys.readouterr().err
    assert_harmless(text)
    assert text.count("\n") == 1
    assert text.startswith("error: no ")

"""Text for the directory: what no field takes, and which names are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.names import check_id, check_name, check_text, key_of, visible

FIT = ["a", "Änne Müller", "李雷", "𝄞 music", "👩‍💻", "C:\\Program Files\\x.exe", "<b>&\"'", "a" * 64, "=1+1"]
UNFIT = [
    "a\nb",
    "a\rb",
    "a\0b",
    "\x1b[2J",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "a\u202eb",
    "a\u200fb",
    "a\u061cb",
    "a\u2066b",
    "a\ud800b",
    "a\udfffb",
    "a\ufffeb",
    "a\uffffb",
]


@pytest.mark.parametrize("text", FIT)
def test_text_of_any_script_is_a_name(text: str) -> None:
    check_name(text, "name")
    check_text(text, "text")


@pytest.mark.parametrize("text", UNFIT, ids=ascii)
def test_text_that_could_forge_a_line_or_a_document_stands_in_no_field(text: str) -> None:
    for check in (check_name, check_text):
        with pytest.raises(ValueError, match=r"no control, line break or direction mark in field, got U\+"):
            check(text, "field")


@pytest.mark.parametrize("text", ["", " ", " a", "a ", "a\u3000"])
def test_name_is_not_empty_and_has_no_spaces_around_it(text: str) -> None:
    check_text(text, "text")
    with pytest.raises(ValueError, match="without spaces around them as pool name"):
        check_name(text, "pool name")


@pytest.mark.parametrize("limit", [1, 64])
def test_text_is_bounded_in_characters(limit: int) -> None:
    check_name("𝄞" * limit, "name", limit)
    with pytest.raises(ValueError, match=f"expected {limit} characters at most as name, got {limit + 1}"):
        check_name("𝄞" * (limit + 1), "name", limit)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "../a", "ä", "a" * 65, "a\n", "٣"])
def test_id_is_base64url(text: str) -> None:
    check_id("Az09-_", "id")
    with pytest.raises(ValueError, match="as pool id, got"):
        check_id(text, "pool id")


@given(st.text(max_size=100_000))
def test_error_shows_no_control_and_is_bounded(text: str) -> None:
    for check in (check_id, check_name, check_text):
        said = ""
        try:
            check(text, "field")
        except ValueError as error:
            said = str(error)
        assert said.isprintable()
        assert len(said) < 500


@pytest.mark.parametrize(
    ("one", "other"), [("Anna", "ANNA"), ("Änne", "A\u0308nne"), ("Straße", "STRASSE"), ("ΣΑΣ", "σας")]
)
def test_names_that_people_take_for_the_same_have_one_key(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


def test_names_that_differ_have_different_keys() -> None:
    assert len({key_of(name) for name in ("anna", "änna", "anna ", "ann", "\u0430nna")}) == 5


@given(st.text())
def test_key_of_a_key_is_itself(text: str) -> None:
    assert key_of(key_of(text)) == key_of(text)


@pytest.mark.parametrize("text", [*FIT, "", "a\tb\r\nc", "a\u00a0b"])
def test_text_that_steers_nothing_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("photo\u202egpj.exe", "photo\\u202egpj.exe"),
        ("\0\x9b\u2028\ud800\n", "\\x00\\x9b\\u2028\\ud800\n"),
    ],
)
def test_what_steers_is_shown_by_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_what_is_shown_can_be_written_and_stands_in_its_line(text: str) -> None:
    shown = visible(text)
    assert shown.encode().decode() == shown
    assert visible(shown) == shown
    check_text(shown.translate({ord(blank): None for blank in "\t\r\n"}), "text", len(shown))

"""What documents name is there: files, sections, commands, options, make targets, modules and functions."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from dialback.cli.main import make_app

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "dialback"
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
# "sudo -u dialback dialback host list": the user is called like the command.
_COMMAND = re.compile(r"(?:^|[\s/(])dialback (?!dialback)([a-z].*)$", re.MULTILINE)
_OPTION = re.compile(r"--[a-z][a-z-]*")
_TERM = re.compile(r"^\| \*\*(.+?)\*\*", re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose_of(text: str) -> str:
    """Return a page without its blocks of code."""
    return _FENCED.sub("", text)


def code_of(text: str) -> list[str]:
    """Return the pieces of code in a page: whole blocks, and spans in one line each."""
    blocks = [re.sub(r"\\\n", " ", block) for block in _FENCED.findall(text)]
    return blocks + [" ".join(span.split()) for span in _SPAN.findall(prose_of(text))]


@cache
def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = _HEADING.findall(prose_of(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands_of(text: str) -> list[str]:
    """Return what stands behind `dialback` wherever a page names a command."""
    return [line for piece in code_of(text) for line in _COMMAND.findall(piece)]


@cache
def command_line() -> Any:
    """Return the whole command line, built once: that takes half a second, and pages name many commands."""
    return typer.main.get_command(make_app([]))


def find_command(words: list[str]) -> Any:
    """Return the command that the first words name; fail if there is none."""
    found: Any = command_line()
    for word in words:
        commands = getattr(found, "commands", None)
        if commands is None:
            break
        assert word in commands, f"there is no command {word!r} in `dialback {' '.join(words)}`"
        found = commands[word]
    return found


def plain_words(line: str) -> list[str]:
    """Return the words of a command line up to the first that is an option or an argument in capitals."""
    words = []
    for word in re.split(r"[\s`|;,>]+", line):
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        words.append(word)
    return words


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def named_code(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each module that a table cell names, and the names that follow it in the same cell."""
    for cell in re.split(r"[|;\n]", text):
        spans = _SPAN.findall(cell)
        if spans and spans[0].endswith(".py") and "/" in spans[0]:
            yield spans[0], [span for span in spans[1:] if re.fullmatch(r"[A-Za-z_.]+", span)]


@each_page
def test_every_link_leads_to_a_file_and_a_section(page: Path) -> None:
    for path, anchor in _LINK.findall(prose_of(page.read_text(encoding="utf-8"))):
        if path.startswith(("http://", "https://", "mailto:")):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {path}"
        if anchor:
            assert anchor in anchors_of(target), f"{page.name} links to {path}#{anchor}"


@each_page
def test_every_command_and_option_named_is_one_of_the_command_line(page: Path) -> None:
    for line in commands_of(page.read_text(encoding="utf-8")):
        command = find_command(plain_words(line))
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for option in _OPTION.findall(re.split(r"[`|;>]", line)[0]):
            assert option in known, f"`dialback {line}` has no option {option}"


@each_page
def test_every_make_command_named_is_a_target(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {target for piece in code_of(text) for target in re.findall(r"\bmake ([a-z]+)", piece)}
    assert named <= makefile_targets()


def test_command_that_is_none_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no command 'lost'"):
        find_command(["host", "lost"])


def test_readme_names_both_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = _FENCED.findall(text.partition("## Two commands")[2])[0]
    assert re.findall(r"^make (\w+)", first, re.MULTILINE) == ["demo", "test"]


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = _LINK.findall(prose_of(page.read_text(encoding="utf-8")))
        found = {(page.parent / path).resolve() for path, _ in links if path.endswith(".md")}
        waiting += found - reached
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in reached] == []


def test_every_picture_is_shown_on_a_page() -> None:
    shown = {
        (page.parent / path).resolve()
        for page in PAGES
        for path, _ in _LINK.findall(prose_of(page.read_text(encoding="utf-8")))
    }
    pictures = sorted((ROOT / "docs" / "pictures").iterdir())
    assert pictures
    assert [path.name for path in pictures if path not in shown] == []


def test_every_term_of_the_glossary_is_there_once() -> None:
    terms = _TERM.findall((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))
    assert len(terms) > 40
    assert [term for term, count in Counter(terms).items() if count > 1] == []


def test_every_module_and_name_in_the_life_of_a_connection_is_in_the_code() -> None:
    text = (ROOT / "docs" / "life-of-a-connection.md").read_text(encoding="utf-8")
    named = list(named_code(text))
    assert len(named) > 20
    for module, names in named:
        assert (SOURCE / module).exists(), f"there is no module {module}"
        code = (SOURCE / module).read_text(encoding="utf-8")
        for name in names:
            for part in name.split("."):
                assert re.search(rf"\b{part}\b", code), f"{module} has no {name}"

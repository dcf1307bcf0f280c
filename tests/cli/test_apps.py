from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Terminal
from tests.cli.remote import Served


@pytest.fixture
def published(terminal: Terminal, remote: Served) -> Terminal:
    terminal.good("pool", "set", "office")
    terminal.good("workspace", "set-group", "desktops", "--pool", "office")
    terminal.good("workspace", "set-group", "apps", "--pool", "office", "--kind", "remote-app")
    return terminal


def test_desktop_and_program_are_published_changed_and_removed(published: Terminal) -> None:
    published.good("app", "add", "desk", "--group", "desktops", "--title", "Desk")
    published.good(
        *("app", "set", "notes", "--group", "apps", "--program", "||notes", "--extension", ".txt"),
        *("--arguments", "-x", "--folder", "C:\\", "--show-in", "Tools"),
    )
    published.good("app", "set", "notes", "--title", "Notes", "--no-shown")

    desk, notes = published.json("app", "list")
    assert (desk["name"], desk["title"], desk["remote_app"]) == ("desk", "Desk", None)
    assert notes["remote_app"] == {
        "program": "||notes",
        "arguments": "-x",
        "working_directory": "C:\\",
        "file_extensions": [".txt"],
    }
    assert (notes["title"], notes["folders"], notes["shown"]) == ("Notes", ["Tools"], False)
    assert "||notes" in published.good("app", "list")

    published.good("app", "remove", "notes")
    assert "There is no desktop or program" in published.bad("app", "remove", "notes")


def test_what_has_another_alias_under_the_id_is_not_replaced(published: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    resource = "{desk: {name: office, title: Office, folders: [X]}}"
    group = f"{{name: desktops, pool: office, resources: {resource}}}"
    file.write_text(f"application_groups: {{desktops: {group}}}")
    published.good("apply", file)
    before = published.json("app", "list")

    said = published.bad("app", "set", "desk", "--group", "desktops", "--title", "Mine")

    assert said == "The id 'desk' is that of 'office'; choose a different one."
    assert published.json("app", "list") == before


def test_picture_is_given_and_taken_back(published: Terminal, tmp_path: Path) -> None:
    published.good("app", "add", "desk", "--group", "desktops")
    picture = tmp_path / "desk.png"
    Image.new("RGB", (40, 30), "red").save(picture)

    published.good("app", "icon", "desk", picture)
    assert published.json("app", "list")[0]["icon"]

    published.good("app", "icon", "desk")
    assert published.json("app", "list")[0]["icon"] == ""


def test_what_cannot_be_published_is_refused_in_words(published: Terminal, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no picture")
    published.good("app", "add", "desk", "--group", "desktops")

    assert "no picture that can be read" in published.bad("app", "icon", "desk", tmp_path / "no.png")
    assert "none.png: No such file" in published.bad("app", "icon", "desk", "none.png")
    assert "as resource name" in published.bad("app", "add", "No_Name", "--group", "desktops")
    assert "group of RemoteApps" in published.bad("app", "add", "other", "--group", "apps")

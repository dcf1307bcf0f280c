from pathlib import Path

import pytest

from dialback.agent.consent_files import (
    ASKED_NAME,
    GIVEN_NAME,
    KEY_NAME,
    PUBLIC_NAME,
    ConsentFiles,
    ConsentUnreadable,
    Given,
    SeenGrant,
    State,
)
from tests.agent.consents import NOW


def test_folder_without_files_says_nothing(tmp_path: Path) -> None:
    files = ConsentFiles(tmp_path)
    assert (files.state(), files.asked(), files.given(), files.public_key()) == (State(), (), Given(), None)


def test_what_is_kept_is_read_by_another(tmp_path: Path) -> None:
    state = State({"g1": SeenGrant(NOW, 2, True)}, ("g2",))
    ConsentFiles(tmp_path).save_state(state)
    assert ConsentFiles(tmp_path).state() == state


def test_change_of_what_was_given_is_seen_at_the_next_look(tmp_path: Path) -> None:
    reader, writer = ConsentFiles(tmp_path), ConsentFiles(tmp_path)
    for given in (Given(("a",)), Given(("b",)), Given((), ("g1",))):
        writer.save_given(given)
        assert reader.given() == given
        assert reader.given() is reader.given()


@pytest.mark.parametrize("name", [ASKED_NAME, GIVEN_NAME, PUBLIC_NAME])
def test_damaged_file_is_told_by_its_name(tmp_path: Path, name: str) -> None:
    files = ConsentFiles(tmp_path)
    (tmp_path / name).write_text("{")
    read = {ASKED_NAME: files.asked, GIVEN_NAME: files.given, PUBLIC_NAME: files.public_key}[name]
    with pytest.raises(ConsentUnreadable, match=name):
        read()


def test_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    files = ConsentFiles(tmp_path / "gone")
    with pytest.raises(ConsentUnreadable, match="cannot write"):
        files.save_given(Given())
    with pytest.raises(ConsentUnreadable):
        files.key()


def test_public_half_follows_the_key(tmp_path: Path) -> None:
    files = ConsentFiles(tmp_path)
    key = files.key()
    assert files.public_key() == key.public_bytes
    (tmp_path / PUBLIC_NAME).write_text("00" * 32)
    assert files.key().public_bytes == key.public_bytes == files.public_key()
    (tmp_path / KEY_NAME).write_text("no key")
    with pytest.raises(ConsentUnreadable):
        files.key()

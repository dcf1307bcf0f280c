import stat
from pathlib import Path

import pytest

from dialback.console.clients import Display
from dialback.console.saved import FILE_NAME, Saved, SavedHost, SavedProblem, default_folder
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, TenantId

ACME, H1, H2 = TenantId("acme"), HostId("h1"), HostId("h2")
WIDE = Display(1920, 1080, sound=True, user="anna")


def test_host_nobody_has_seen_is_shown_as_usual(tmp_path: Path) -> None:
    assert Saved(tmp_path).host(ACME, H1) == SavedHost()


def test_display_is_remembered_for_each_host(tmp_path: Path) -> None:
    Saved(tmp_path / "new").save_display(ACME, H1, WIDE)

    again = Saved(tmp_path / "new")

    assert again.host(ACME, H1).display == WIDE
    assert again.host(ACME, H2).display == Display()
    assert again.host(TenantId("other"), H1).display == Display()


def test_file_is_the_technicians_alone(tmp_path: Path) -> None:
    Saved(tmp_path).save_display(ACME, H1, WIDE)

    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_another_key_than_the_first_is_refused_with_both(tmp_path: Path) -> None:
    saved = Saved(tmp_path)
    saved.check_key(ACME, H1, "aa")
    saved.check_key(ACME, H1, "aa")

    with pytest.raises(Refused, match="known is aa, shown was bb") as refused:
        Saved(tmp_path).check_key(ACME, H1, "bb")

    assert refused.value.reason is Reason.HOST_KEY_OTHER
    saved.forget_key(ACME, H1)
    saved.check_key(ACME, H1, "bb")


def test_key_and_display_do_not_touch_each_other(tmp_path: Path) -> None:
    saved = Saved(tmp_path)
    saved.check_key(ACME, H1, "aa")
    saved.save_display(ACME, H1, WIDE)

    assert Saved(tmp_path).host(ACME, H1) == SavedHost(WIDE, "aa")


@pytest.mark.parametrize("text", ["", "{", '{"hosts": []}', '{"hosts": {"a/b": {"display": {"width": -1}}}}'])
def test_damaged_file_is_put_aside_and_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)

    with pytest.raises(SavedProblem, match=r"put aside as console\.damaged"):
        Saved(tmp_path)

    assert (tmp_path / "console.damaged").read_text() == text
    Saved(tmp_path)


def test_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SavedProblem, match="cannot be"):
        Saved(tmp_path / "file").save_display(ACME, H1, WIDE)


def test_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert default_folder() == tmp_path / "dialback"

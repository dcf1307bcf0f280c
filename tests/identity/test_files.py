"""Files are written whole or not at all, with the permissions asked for."""

import stat
import threading
from pathlib import Path

import pytest

from dialback.identity.files import PRIVATE, PUBLIC, locked, write_file


@pytest.mark.parametrize("mode", [PRIVATE, PUBLIC])
@pytest.mark.parametrize("replace", [True, False])
def test_file_has_its_bytes_and_permissions(tmp_path: Path, mode: int, replace: bool) -> None:
    write_file(tmp_path / "a", b"data", mode, replace=replace)
    assert (tmp_path / "a").read_bytes() == b"data"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_existing_file_stays_when_it_is_not_to_be_replaced(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"old", PRIVATE, replace=False)
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "a", b"new", PRIVATE, replace=False)
    assert (tmp_path / "a").read_bytes() == b"old"


def test_replaced_file_gets_the_new_permissions(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"old", PUBLIC, replace=True)
    write_file(tmp_path / "a", b"new", PRIVATE, replace=True)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == PRIVATE


def test_nothing_but_the_file_is_left_in_the_folder(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"1", PRIVATE, replace=False)
    write_file(tmp_path / "a", b"2", PRIVATE, replace=True)
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "a", b"3", PRIVATE, replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_file(tmp_path / "no" / "a", b"", PRIVATE, replace=True)


def test_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside = 0
    crowd: list[int] = []

    def enter() -> None:
        nonlocal inside
        for _ in range(50):
            with locked(tmp_path / "lock"):
                inside += 1
                crowd.append(inside)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crowd == [1] * 200

from pathlib import Path

import pytest

from dialback.agent.platform.vitals import disks, uptime_s


@pytest.mark.parametrize(
    ("text", "seconds"), [("4711.23 900.00\n", 4711), ("", None), ("soon\n", None), (None, None)]
)
def test_uptime_is_read_or_not_told(tmp_path: Path, text: str | None, seconds: int | None) -> None:
    path = tmp_path / "uptime"
    if text is not None:
        path.write_text(text)
    assert uptime_s(path) == seconds


def test_file_system_is_listed_once_and_a_folder_that_is_not_there_never(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    [disk] = disks([str(tmp_path), str(tmp_path / "below"), str(tmp_path / "gone")])
    assert disk.path == str(tmp_path)
    assert disk.size_bytes >= disk.free_bytes
    assert disk.size_bytes > 0


def test_this_host_has_a_disk() -> None:
    assert next(disk.path for disk in disks()) == "/"

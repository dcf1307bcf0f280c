import subprocess
import sys
from pathlib import Path

import pytest

from dialback.app.lock import AlreadyServing, only_server


def test_second_server_is_told_which_folder_is_taken(tmp_path: Path) -> None:
    with (
        only_server(tmp_path),
        pytest.raises(AlreadyServing, match=f"another server runs on the data folder {tmp_path}"),
        only_server(tmp_path),
    ):
        pass


def test_folder_is_free_again_after_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        with only_server(tmp_path):
            assert (tmp_path / "serve.lock").exists()


def test_folder_is_free_again_after_a_process_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from dialback.app.lock import only_server\n"
        "with only_server(pathlib.Path(sys.argv[1])): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9

    with only_server(tmp_path):
        pass


def test_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"), only_server(tmp_path / "none"):
        pass

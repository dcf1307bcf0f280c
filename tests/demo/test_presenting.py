import os
import subprocess

from demo.presenting import left_running
from demo.tour import USER


def test_what_is_left_running_is_named_until_it_ends() -> None:
    with subprocess.Popen(["sleep", "417"]) as left:
        assert "sleep 417" in left_running(USER)
        left.kill()
        os.waitid(os.P_PID, left.pid, os.WEXITED | os.WNOWAIT)
        assert "sleep 417" not in left_running(USER)

"""A /proc in a folder: processes, and the tables of sockets, as the kernel writes them."""

import shutil
from pathlib import Path

BOOTED_AT = 1_700_000_000
UNIX_HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n"
TCP_HEAD = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)


class FakeProc:
    """A folder that looks like /proc."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._network = folder / "net"
        self._network.mkdir()
        (folder / "stat").write_text(f"cpu 1 2 3\nbtime {BOOTED_AT}\nprocesses 9\n")
        (folder / "self").mkdir()
        self.sockets()

    def process(
        self, pid: int, name: str, parent: int, *, uid: int = 0, words: str = "", started_ticks: int = 100
    ) -> None:
        """Put a process there."""
        folder = self.folder / str(pid)
        folder.mkdir()
        rest = " ".join(["0"] * 17)
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} {rest} {started_ticks} 0 0\n")
        (folder / "status").write_text(f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
        (folder / "cmdline").write_text("".join(f"{word}\0" for word in words.split()))
        (folder / "net").symlink_to(self._network)

    def end(self, pid: int) -> None:
        """Take a process away."""
        shutil.rmtree(self.folder / str(pid))

    def sockets(self, unix: str = "", tcp: str = "", tcp6: str = "") -> None:
        """Set the lines of the tables of sockets."""
        (self._network / "unix").write_text(UNIX_HEAD + unix)
        (self._network / "tcp").write_text(TCP_HEAD + tcp)
        (self._network / "tcp6").write_text(TCP_HEAD + tcp6)

    def xrdp_session(self, display: int, uid: int, server: str = "Xorg", first_pid: int = 100) -> None:
        """Put the processes of one session there: session process, window manager, X server, channels."""
        self.process(first_pid, "xrdp-sesman", 10, words="xrdp-sesman -n")
        self.process(first_pid + 1, "openbox", first_pid, uid=uid, words="openbox")
        words = f"/usr/lib/xorg/{server} :{display} -auth .Xauthority -config xrdp/xorg.conf"
        self.process(first_pid + 2, server, first_pid, uid=uid, words=words)
        self.process(first_pid + 3, "xrdp-chansrv", first_pid, uid=uid)


def listening(path: str) -> str:
    """Return the line of a Unix socket that listens."""
    return f"00000000c64160b0: 00000002 00000000 00010000 0001 01 1361980 {path}\n"


def held(path: str) -> str:
    """Return the line of a Unix socket's connection."""
    return f"00000000c64160b1: 00000003 00000000 00000000 0001 03 1361981 {path}\n"

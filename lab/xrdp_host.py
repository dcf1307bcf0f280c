"""An xrdp host with real logons, and without a port for RDP in the machine's network.

Each host runs in namespaces of its own:

* pid: ending its first process ends all sessions, which xrdp itself leaves running;
* mount: its own /run/xrdp, X sockets and sesman.ini, so that many hosts run side by side. xrdp reads the
  port of sesman from /etc/xrdp/sesman.ini alone, hence the file of the machine is covered, not changed;
* uts: its own host name, seen in the terminal's title and prompt;
* network, unless another one is given: nothing in it but a loopback of its own. xrdp then listens on a Unix
  socket, which is reached through the file system, and sesman's TCP port is invisible outside.

So three places are possible: a private network with a Unix socket (default; the machine has no TCP port for
RDP at all), a `Namespace` with 127.0.0.1:3389 inside it, or the machine's own network with a loopback
address. TLS is always on: with `negotiate` and an unreadable key xrdp would silently fall back to classic
RDP security. xrdp knows no NLA; a wrong password ends the connection. Needs root.
"""

import os
import secrets
import shutil
import signal
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.accounts import Account
from lab.certificates import HostCertificate
from lab.desktop import WINDOW_MANAGER
from lab.listening import PROC, descendants, listening, name_of
from lab.netns import Namespace
from lab.place import Command
from lab.ports import free_port
from lab.process import Failed, Process, run, tail, wait_for

LOG_ON_TIMEOUT_S = 8.0
LOG_ON_ATTEMPTS = 3
SESRUN = ["xrdp-sesrun", "-t", "Xorg", "-g", "1024x768", "-b", "24", "-s", "127.0.0.1", "-F", "0", "-c"]
"""Starts a session as a client of these sizes would; the password comes on standard input."""
SOCKET_INSIDE = "/run/xrdp/rdp.sock"
"""The socket of every host as its own processes see it: hosts of one pool have the same target."""
ETC = Path("/etc/xrdp")
SESMAN_PORT = 3350
SESSION_VARIABLES = ("DISPLAY", "XAUTHORITY", "HOME")
BLUE = "#2d5f8b"

# The first process of the host. On SIGTERM it passes the signal on to everything in its pid namespace (X
# servers remove their lock files then), and the kernel kills what is left when it exits.
RUN = """\
set -eu
folder=$1 name=$2
hostname "$name"
ip link set lo up
mkdir -p /run/xrdp /tmp/.X11-unix
mount -t tmpfs -o mode=755 tmpfs /run/xrdp
mount -t tmpfs -o mode=1777 tmpfs /tmp/.X11-unix
mount --bind "$folder/sesman.ini" /etc/xrdp/sesman.ini
ln -s "$folder/rdp/rdp.sock" "$3"
(. /usr/share/xrdp/socksetup)
trap 'kill -TERM -1; sleep 0.3; exit 0' TERM
xrdp-sesman -n -c "$folder/sesman.ini" &
setpriv --reuid xrdp --regid xrdp --init-groups xrdp -n -c "$folder/xrdp.ini" &
wait -n
"""


def with_settings(text: str, settings: dict[str, dict[str, str]]) -> str:
    """Set values by section and key in an ini text; all other lines stay, repeated keys and comments too."""
    lines: list[str] = []
    wanted: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("["):
            wanted = settings.get(line.strip("[] "), {})
            lines += [line, *(f"{key}={value}" for key, value in wanted.items())]
        elif line.partition("=")[0].strip() not in wanted:
            lines.append(line)
    return "\n".join(lines) + "\n"


class XrdpHost:
    """An xrdp with its sesman; it listens on `address` when one is given, and on `socket` otherwise."""

    def __init__(
        self,
        folder: Path,
        name: str,
        certificate: HostCertificate,
        *,
        address: tuple[str, int] | None = None,
        namespace: Namespace | None = None,
        colour: str = BLUE,
    ) -> None:
        """Plan a host called `name`; its log goes to `folder`, which exists.

        `address` is an IPv4 address and a TCP port, inside `namespace` if one is given. `colour`
        (`#rrggbb`) is the background of its sessions, by which a picture tells hosts apart. The socket
        admits root and the group xrdp.
        """
        self.name = name
        self.address = address
        self.colour = colour
        # Not below `folder`: sessions and xrdp run as users who may not enter it.
        self._state = Path(tempfile.gettempdir()) / f"dialback-{name}-{secrets.token_hex(4)}"
        self.socket = self._state / "rdp" / "rdp.sock"
        self._certificate = certificate
        self._namespace = namespace
        self._log = folder / f"{name}.xrdp.log"
        self._process: Process | None = None

    def start(self) -> Self:
        """Start xrdp and sesman; return when both listen."""
        self._state.mkdir(mode=0o711)
        (self._state / "rdp").mkdir()
        shutil.chown(self._state / "rdp", "xrdp", "xrdp")
        self._install_certificate()
        sesman_port = SESMAN_PORT if self._has_own_network() else free_port("::1")
        self._write_settings(sesman_port)
        self._process = Process.start(f"xrdp {self.name}", self._command(), self._log)
        expected = {f"[::1]:{sesman_port}", self._endpoint()}
        try:
            self._process.wait_until(lambda: expected <= self._listens_on(), "listening sockets")
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def pid(self) -> int:
        """The process all others of the host descend from."""
        if self._process is None:
            raise Failed(f"{self.name}: expected a started host")
        return self._process.pid

    def session(self, account: Account) -> list[int]:
        """Return the ids of the processes that `account` has in its session on this host."""
        return sorted({*account.processes()} & {*descendants(self.pid)})

    def log_on(self, user: str, password: str) -> None:
        """Start the session of `user` as xrdp does at a first connection, and wait for its window manager.

        The session process of xrdp-sesman 0.9.21 was seen to hang between starting the X server and the
        window manager (seldom: never in the last 700 starts on two busy cores), and its user sees an empty
        screen for ever. Such a session is ended and started again.
        """
        account = Account(user)
        for _ in range(LOG_ON_ATTEMPTS):
            if self._has_window_manager(account):
                return
            run([*self._inside(), *SESRUN, self._state / "sesman.ini", user], stdin=f"{password}\n")
            if wait_for(lambda: self._has_window_manager(account), LOG_ON_TIMEOUT_S, 0.1):
                return
            self.log_off(user)
        raise Failed(f"{self.name}: no session of {user} in {LOG_ON_ATTEMPTS} attempts\n{self.log_tail()}")

    def log_off(self, user: str) -> None:
        """End the session of `user` and everything in it; harmless when there is none."""
        account = Account(user)
        for pid in self.session(account):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.session(account))

    def among(self, command: Command) -> Command:
        """Return what runs a command among the host's processes, with the network of the machine.

        An agent there sees the sessions of this host and no others, and its socket at `SOCKET_INSIDE`.
        """
        return ["nsenter", "--target", str(self._sesman()), "--mount", "--pid", "--", *command]

    def in_session(self, user: str, command: Command) -> Command:
        """Return what runs a command as `user`, on the display of the session they have on this host."""
        leader = next(pid for pid in self.session(Account(user)) if name_of(pid) == WINDOW_MANAGER)
        environment = (PROC / str(leader) / "environ").read_text().split("\0")
        display = [each for each in environment if each.partition("=")[0] in SESSION_VARIABLES]
        ordinary = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"]
        return [*self._inside(), *ordinary, "env", *display, *command]

    def _has_window_manager(self, account: Account) -> bool:
        return any(name_of(pid) == WINDOW_MANAGER for pid in self.session(account))

    def _inside(self) -> list[str | Path]:
        """Return what runs a command inside all namespaces of the host."""
        return ["nsenter", "--target", str(self._sesman()), "--mount", "--uts", "--net", "--pid", "--"]

    def _sesman(self) -> int:
        return next(pid for pid in descendants(self.pid) if name_of(pid) == "xrdp-sesman")

    def log_tail(self) -> str:
        return tail(self._log)

    def stop(self) -> None:
        """End the host and every session on it."""
        if self._process is not None:
            self._process.stop()
        shutil.rmtree(self._state, ignore_errors=True)

    def _has_own_network(self) -> bool:
        return self._namespace is not None or self.address is None

    def _listens_on(self) -> set[str]:
        return {listener.address for listener in listening(self.pid)}

    def _endpoint(self) -> str:
        return f"{self.address[0]}:{self.address[1]}" if self.address else str(self.socket)

    def _command(self) -> list[str | Path]:
        private = self.address is None and self._namespace is None
        flags = ["--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", *["--net"] * private]
        command: list[str | Path] = [
            "unshare",
            *flags,
            "bash",
            "-c",
            RUN,
            "xrdp-host",
            self._state,
            self.name,
            SOCKET_INSIDE,
        ]
        return self._namespace.command(command) if self._namespace else command

    def _install_certificate(self) -> None:
        """Copy chain and key to where xrdp may read them, and nobody else the key."""
        shutil.copyfile(self._certificate.chain, self._state / "chain.pem")
        key = self._state / "host.key"
        key.touch(mode=0o640)
        shutil.chown(key, "root", "xrdp")
        shutil.copyfile(self._certificate.key, key)

    def _write_settings(self, sesman_port: int) -> None:
        logging = {"LogFile": "/dev/null", "EnableSyslog": "false", "EnableConsole": "true"}
        xrdp = {
            "port": f"tcp://{self._endpoint()}" if self.address else f"unix://.{self.socket}",
            "security_layer": "tls",
            "certificate": str(self._state / "chain.pem"),
            "key_file": str(self._state / "host.key"),
            "autorun": "Xorg",
            "require_credentials": "true",
        }
        sesman = {
            "Globals": {"ListenPort": str(sesman_port)},
            "Sessions": {"X11DisplayOffset": str(display_offset(self._state.name))},
            "Chansrv": {"EnableFuseMount": "false"},
            "SessionVariables": {"LAB_COLOUR": self.colour.removeprefix("#")},
            "Logging": logging,
        }
        for name, settings in (("xrdp", {"Globals": xrdp, "Logging": logging}), ("sesman", sesman)):
            text = (ETC / f"{name}.ini").read_text()
            (self._state / f"{name}.ini").write_text(with_settings(text, settings))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def display_offset(name: str) -> int:
    """Return the first display number for sessions: lock files of all X servers share /tmp."""
    return 100 + 20 * (zlib.crc32(name.encode()) % 500)

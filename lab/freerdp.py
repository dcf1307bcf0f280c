"""FreeRDP as the user's client, version 2 (`xfreerdp`) or 3 (`xfreerdp3`), on a `Display`.

Certificates are always checked. Both versions take the pin of a host as
`/cert:deny,fingerprint:sha256:aa:bb:…` (2.11 insists on the colons), and both take a pin as one *more* way
to be accepted: a certificate that an authority in `SSL_CERT_FILE` signed for the right name passes with a
wrong pin too. So the gateway is checked by its authority while the host is checked by its pin, in one run,
as long as the host's certificate comes from another authority. The home folder is the lab's own: a
certificate once accepted would otherwise be remembered. Left out: `/cert:ignore`.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from lab.display import POLL_S, Display
from lab.place import Place, here
from lab.process import PATIENCE_S, Failed, Process, tail

Version = Literal[2, 3]
PROGRAMS: dict[Version, str] = {2: "xfreerdp", 3: "xfreerdp3"}

EXITS: dict[int, str] = {
    0: "ended by the user",
    1: "disconnected",
    2: "logged off",
    12: "host ended the session (xrdp: also a wrong password)",
    23: "option not understood",
    131: "connection failed, or token refused by the gateway",
    132: "wrong password (version 3)",
    133: "security protocol not agreed",
    143: "certificate refused, or stopped by SIGTERM (version 2)",
    145: "stopped by SIGTERM (version 3)",
    147: "transport failed: closed port, or wrong password with NLA (version 2)",
    155: "gateway answered 401",
}


def pin_option(*sha256s: str) -> str:
    """Return the option that accepts the certificates with these SHA-256 (64 hexadecimal digits each)."""
    return ",".join(["/cert:deny", *(f"fingerprint:sha256:{_pairs(sha256)}" for sha256 in sha256s)])


def _pairs(digits: str) -> str:
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


class FreeRdp:
    """One client on one display: `connect`, look, type on the display, `stop`."""

    def __init__(
        self,
        display: Display,
        folder: Path,
        *,
        version: Version = 2,
        authority: Path | None = None,
        name: str = "client",
        place: Place = here,
    ) -> None:
        """Keep home and log in `folder / name`; `authority` (PEM) is what gateways are checked against.

        `place` is where the client runs.
        """
        self.display = display
        self.version = version
        self.name = name
        self.folder = folder / name
        self.log = self.folder / "freerdp.log"
        self._authority = authority
        self._place = place
        self._process: Process | None = None

    def connect(
        self,
        target: Path | str,
        *,
        user: str | None = None,
        password: str | None = None,
        pin: str | Sequence[str] = (),
        extra: Sequence[str] = (),
    ) -> Self:
        """Start the client and return at once.

        Args: `target` is a connection file, or `host:port` for a direct connection; `pin` the SHA-256 of the
        host's certificate in hexadecimal, one for each host of a pool; `extra` goes to the client as it is.
        """
        if self._process is not None and self._process.returncode is None:
            raise Failed(f"{self.name}: expected an ended client, got a running one")
        self.folder.mkdir(parents=True, exist_ok=True)
        options = [
            str(target) if isinstance(target, Path) else f"/v:{target}",
            *([f"/u:{user}"] if user else []),
            *([f"/p:{password}"] if password else []),
            pin_option(*([pin] if isinstance(pin, str) else pin)),
            "/log-level:INFO",
            *extra,
        ]
        self._started_at = time.monotonic()
        command = self._place([PROGRAMS[self.version], *options])
        self._process = Process.start(self.name, command, self.log, env=self._env())
        return self

    def wait_rendered(self, timeout_s: float = PATIENCE_S) -> float:
        """Wait for a desktop and return the seconds since `connect`; raise `Failed` if the client ends."""
        self._running().wait_until(self.display.shows_desktop, "desktop", timeout_s, POLL_S)
        return time.monotonic() - self._started_at

    def wait_ended(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait until the client ends by itself and return its exit status; `EXITS` tells what it means."""
        return self._running().wait(timeout_s)

    @property
    def returncode(self) -> int | None:
        """The exit status, None while the client runs."""
        return self._running().returncode

    def stop(self) -> None:
        """End the client; harmless when it has ended or never started."""
        if self._process is not None:
            self._process.stop()

    def log_tail(self) -> str:
        return tail(self.log)

    def _running(self) -> Process:
        if self._process is None:
            raise Failed(f"{self.name}: expected a connected client")
        return self._process

    def _env(self) -> dict[str, str]:
        home = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / ".config")}
        trust = {"SSL_CERT_FILE": str(self._authority)} if self._authority else {}
        return {**self.display.env, **home, **trust}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

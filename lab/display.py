"""A headless X display to look at and to type on.

`Display` is an Xvfb on a free number, reached with a cookie, without TCP. A picture of the root window is
read with `import` (`xwd` fails beside the windows of xfreerdp 3, which have a depth of their own) and judged
here, because counting colours decides whether a desktop is seen: a blank display has one, the login window of
xrdp some dozens, a desktop with a clock and a terminal more than 150.
"""

import os
import secrets
import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, run
from types import TracebackType
from typing import Self

from lab.desktop import TERMINAL_COLOUR, TERMINAL_POINT, window_manager
from lab.process import PATIENCE_S, Failed, Process, wait_for
from lab.process import run as run_command

DESKTOP_COLOURS = 150
POLL_S = 0.1
"""Counting colours costs about 0.1 s, so a display is asked less often than a process."""
MANAGED = "LAB_MANAGED"
MARK_MANAGED = ["xprop", "-root", "-format", MANAGED, "8u", "-set", MANAGED, "yes"]
"""Marks the root window; the check window of EWMH is there before the manager has started."""
COOKIE_NAME = b"MIT-MAGIC-COOKIE-1"
FAMILY_WILD = 0xFFFF
LOSSY_STEPS = 8


@dataclass(frozen=True)
class Picture:
    """The root window: `pixels` holds `width` by `height` values 0xRRGGBB, row by row."""

    width: int
    height: int
    pixels: list[int]

    def colours(self) -> int:
        """Return how many different colours there are."""
        return len(set(self.pixels))

    def share(self, colour: str) -> float:
        """Return which part of the picture, 0 to 1, has the colour `#rrggbb`, as near as codecs leave it."""
        wanted = int(colour.removeprefix("#"), 16)
        counted = Counter(self.pixels)
        near = sum(count for pixel, count in counted.items() if _distance(pixel, wanted) <= LOSSY_STEPS)
        return near / len(self.pixels)


def _distance(one: int, other: int) -> int:
    """Return how many steps of 256 the farthest of red, green and blue are apart."""
    return max(abs((one >> shift & 0xFF) - (other >> shift & 0xFF)) for shift in (0, 8, 16))


def parse_bgra(data: bytes, size: tuple[int, int]) -> Picture:
    """Read rows of four bytes blue, green, red, alpha; raise `Failed` when they do not fill `size`."""
    width, height = size
    if len(data) != width * height * 4:
        raise Failed(f"expected {width * height * 4} bytes of picture, got {len(data)}")
    values = struct.unpack(f"<{width * height}I", data)
    return Picture(width, height, [value & 0xFFFFFF for value in values])


def authority_file(cookie: bytes) -> bytes:
    """Return an X authority file that offers `cookie` (16 bytes) to any display."""
    return (
        struct.pack(">HHHH", FAMILY_WILD, 0, 0, len(COOKIE_NAME))
        + COOKIE_NAME
        + struct.pack(">H", 16)
        + cookie
    )


class Display:
    """An Xvfb of `size` pixels; `env` is what a program needs to draw on it."""

    def __init__(self, folder: Path, size: tuple[int, int] = (1280, 800), name: str = "display") -> None:
        """Keep the cookie and the logs in `folder`, which exists; nothing is started yet."""
        self._folder = folder
        self._size = size
        self.name = name
        self._cookie = folder / f"{name}.xauth"
        self._stack = ExitStack()
        self.number = -1

    def start(self) -> Self:
        """Start the display; return when it answers."""
        self._cookie.touch(mode=0o600)
        self._cookie.write_bytes(authority_file(secrets.token_bytes(16)))
        width, height = self._size
        reader, writer = os.pipe()
        # A key held while the machine stalls is not typed again (-r).
        screen = ["-screen", "0", f"{width}x{height}x24"]
        options = ["-r", *screen, "-nolisten", "tcp", "-auth", str(self._cookie)]
        try:
            server = Process.start(
                f"Xvfb {self.name}",
                ["Xvfb", "-displayfd", str(writer), "-noreset", *options],
                self._folder / f"{self.name}.xvfb.log",
                pass_fds=[writer],
            )
        finally:
            os.close(writer)
        self._stack.enter_context(server)
        # The server writes its number when it is ready; when it dies instead, the pipe ends.
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()
        if not number:
            self.stop()
            raise Failed(f"{server.name}: no display number\n{server.log_tail()}")
        self.number = int(number)
        self.pid = server.pid
        return self

    def stop(self) -> None:
        """End what was started on the display, then the display."""
        self._stack.close()

    @property
    def env(self) -> dict[str, str]:
        return {"DISPLAY": f":{self.number}", "XAUTHORITY": str(self._cookie)}

    def launch(self, name: str, command: Sequence[str | Path], env: dict[str, str] | None = None) -> Process:
        """Start a program on the display; it is ended with the display if not before."""
        log = self._folder / f"{self.name}.{name}.log"
        return self._stack.enter_context(Process.start(name, command, log, env={**self.env, **(env or {})}))

    def manage_windows(self) -> None:
        """Start a window manager; return when it shows new windows, and so gives them the keyboard."""
        manager = self.launch("manager", window_manager(MARK_MANAGED))
        manager.wait_until(self.is_managed, "the display to manage")

    def is_managed(self) -> bool:
        """Say whether a window manager has started on the display."""
        return f"{MANAGED}(" in self._ask("xprop", "-root", MANAGED)

    def picture(self) -> Picture:
        """Return what the display shows now."""
        return parse_bgra(self._import("-depth", "8", "bgra:-"), self._size)

    def colours(self) -> int:
        """Return how many different colours the display shows now."""
        return self.picture().colours()

    def screenshot(self, path: Path) -> None:
        """Write what the display shows now to `path`, in the format of its suffix."""
        self._import(str(path))

    def _import(self, *target: str) -> bytes:
        command = ["import", "-silent", "-window", "root", *target]
        env = {**os.environ, **self.env}
        return run(command, env=env, stdin=DEVNULL, capture_output=True, check=True).stdout

    def shows_desktop(self) -> bool:
        """Say whether a desktop is seen now, and not a blank display or a login window."""
        return self.colours() > DESKTOP_COLOURS

    def wait_for_desktop(self, min_colours: int = DESKTOP_COLOURS, timeout_s: float = PATIENCE_S) -> int:
        """Wait for more than `min_colours` colours and return how many; raise `Failed` without them."""
        seen = 0

        def rendered() -> bool:
            nonlocal seen
            seen = self.colours()
            return seen > min_colours

        if not wait_for(rendered, timeout_s, POLL_S):
            raise Failed(f"{self.name}: {seen} colours after {timeout_s} s, expected more than {min_colours}")
        return seen

    def wait_for_colour(self, colour: str, share: float = 0.1, timeout_s: float = PATIENCE_S) -> None:
        """Wait until `colour` has this share of the picture, by which hosts are told apart; else `Failed`."""
        seen = 0.0

        def shown() -> bool:
            nonlocal seen
            seen = self.picture().share(colour)
            return seen > share

        if not wait_for(shown, timeout_s, POLL_S):
            raise Failed(f"{self.name}: {colour} has a share of {seen:.3f}, expected more than {share}")

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Press and release a mouse button at a point counted from the top left."""
        self._xdotool("mousemove", str(x), str(y), "click", str(button))

    def type_keys(self, text: str, *, enter: bool = False, delay_ms: int = 15) -> None:
        """Type `text` on the keyboard, then Return when `enter` is set."""
        self._xdotool("type", "--delay", str(delay_ms), "--", text)
        if enter:
            self._xdotool("key", "Return")

    def type_in_terminal(self, command: str, timeout_s: float = PATIENCE_S) -> None:
        """Run `command` in the terminal of the desktop seen; raise `Failed` if none appears."""
        self.wait_for_colour(TERMINAL_COLOUR, 0.05, timeout_s)
        self.click(*TERMINAL_POINT)
        self.type_keys(command, enter=True)

    def press(self, *keys: str) -> None:
        """Press keys or chords by their X names, for instance `Return` or `ctrl+c`."""
        self._xdotool("key", *keys)

    def _xdotool(self, *arguments: str) -> None:
        self._ask("xdotool", *arguments)

    def _ask(self, *command: str) -> str:
        env = [f"{key}={value}" for key, value in self.env.items()]
        return run_command(["env", *env, *command])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

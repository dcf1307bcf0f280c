"""The policy of a pool about the clipboard, as it is seen: does text of the one side arrive at the other?

The file asks for it or not, the gateway says the same, and the client decides: both FreeRDPs, as they are.
"""

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.freerdp import Version
from lab.process import PATIENCE_S, run, wait_for
from lab.xrdp_host import XrdpHost
from tests.interop.stage import Desktop, Login, Published, Stage, Transport, altered, desktop_through

pytestmark = pytest.mark.interop
READ = ["timeout", "5", "xclip", "-selection", "clipboard", "-o"]
KEEP = ["sh", "-c", "xclip -selection clipboard >/dev/null 2>&1"]
"""Behind it xclip stays and answers for the text, with none of our pipes open."""
STAYS_AWAY_S = 5.0
"""Text that is let through was seen to arrive within a second."""


class Clipboards:
    """The two clipboards: that of the user's own display, and that of the session on the host."""

    def __init__(self, desktop: Desktop, published: Published, user: str) -> None:
        assert isinstance(published.host, XrdpHost)
        self._display = desktop.display
        self._host = published.host
        self._user = user

    def copied_here(self) -> str:
        """Copy a new word on the user's display, and return it."""
        word = secrets.token_hex(8)
        environment = [f"{name}={value}" for name, value in self._display.env.items()]
        run(["env", *environment, *KEEP], stdin=word)
        return word

    def copied_there(self) -> str:
        """Copy a new word in the session on the host, and return it."""
        word = secrets.token_hex(8)
        run(self._host.in_session(self._user, KEEP), stdin=word)
        return word

    def here(self) -> str:
        return _output(READ, self._display.env)

    def there(self) -> str:
        return _output([str(part) for part in self._host.in_session(self._user, READ)], {})


def _output(command: list[str], environment: dict[str, str]) -> str:
    found = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False)
    return found.stdout.decode(errors="replace")


def shared(clipboards: Clipboards, within_s: float) -> dict[str, bool]:
    """Say for each direction whether a new word arrives in time."""

    def arrives(copy: Callable[[], str], read: Callable[[], str]) -> bool:
        word = copy()
        return wait_for(lambda: read() == word, within_s, 0.5)

    return {
        "to host": arrives(clipboards.copied_here, clipboards.there),
        "to client": arrives(clipboards.copied_there, clipboards.here),
    }


BOTH = {"to host": True, "to client": True}
NEITHER = {"to host": False, "to client": False}


@pytest.fixture(scope="module")
def desk(stage: Stage, anna: Login) -> Published:
    """A host whose pool no other test needs."""
    return stage.xrdp("clip", anna.user)


def allow(stage: Stage, redirection: str) -> None:
    """Let the pool of the host allow this redirection and no other."""
    pools = json.loads(stage.platform.run("pool", "list", "--json"))
    pool = next(each["id"] for each in pools if each["name"].endswith("clip"))
    stage.platform.run("pool", "set", pool, "--redirect", redirection)


@contextlib.contextmanager
def opened(
    stage: Stage, desk: Published, anna: Login, file: Path, version: Version, transport: Transport
) -> Iterator[Clipboards]:
    """Open the file, and wait for the desktop."""
    with desktop_through(stage, desk, anna, version, transport, file=file) as desktop:
        yield Clipboards(desktop, desk, anna.user)


@pytest.mark.parametrize("version", [2, 3])
def test_text_is_shared_both_ways_where_the_pool_allows_it(
    stage: Stage, desk: Published, anna: Login, version: Version
) -> None:
    allow(stage, "clipboard")
    file = stage.connection_file(desk, anna.user)
    with opened(stage, desk, anna, file, version, "websocket") as clipboards:
        assert shared(clipboards, PATIENCE_S) == BOTH


@pytest.mark.parametrize("version", [2, 3])
def test_text_stays_on_its_side_where_the_pool_does_not_allow_it(
    stage: Stage, desk: Published, anna: Login, version: Version
) -> None:
    allow(stage, "sound")
    file = stage.connection_file(desk, anna.user)
    with opened(stage, desk, anna, file, version, "websocket") as clipboards:
        assert shared(clipboards, STAYS_AWAY_S) == NEITHER


@pytest.mark.parametrize("transport", ["websocket", "legacy"])
def test_freerdp_3_heeds_the_gateway_when_the_file_was_altered(
    stage: Stage, desk: Published, anna: Login, transport: Transport
) -> None:
    allow(stage, "sound")
    file = altered(stage.connection_file(desk, anna.user), "redirectclipboard", "1")
    with opened(stage, desk, anna, file, 3, transport) as clipboards:
        assert shared(clipboards, STAYS_AWAY_S) == NEITHER


@pytest.mark.parametrize(("version", "transport"), [(2, "websocket"), (3, "raw")])
def test_policy_is_no_boundary_for_a_client_that_is_not_told_or_does_not_heed(
    stage: Stage, desk: Published, anna: Login, version: Version, transport: Transport
) -> None:
    """FreeRDP 2 heeds the file alone; over the raw transport there is nobody who says anything.

    If this test fails, the clients have become better: then say so in docs/protocols/rdp-file.md.
    """
    allow(stage, "sound")
    file = altered(stage.connection_file(desk, anna.user), "redirectclipboard", "1")
    with opened(stage, desk, anna, file, version, transport) as clipboards:
        assert shared(clipboards, PATIENCE_S) == BOTH

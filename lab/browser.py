"""Chromium without a window, with a home of its own that trusts one more authority.

Certificates are checked: the authority goes into the NSS database that Chromium reads in its home folder, as
an administrator's tool would put it there, so a server that it did not sign is refused. Run as root there is
no sandbox, hence this is for pages of our own alone.
"""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from playwright.sync_api import Error, Page, sync_playwright

from lab.process import PATIENCE_S, run

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 1000 * PATIENCE_S
SIZE = (1024, 700)


def trust(home: Path, authority: Path) -> None:
    """Make the programs of the home folder trust `authority` (PEM) for servers."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True, mode=0o700)
    run(["certutil", "-d", f"sql:{database}", "-N", "--empty-password"])
    run(["certutil", "-d", f"sql:{database}", "-A", "-t", "C,,", "-n", authority.stem, "-i", authority])


class Browser:
    """One Chromium; each `page` is another person's, without a cookie of anybody else."""

    def __init__(self, folder: Path, authority: Path, *, name: str = "browser") -> None:
        """Keep the home in `folder / name`, which is made; `authority` is the PEM file to trust."""
        self._home = folder / name
        self._authority = authority

    def start(self) -> Self:
        """Start the browser."""
        trust(self._home, self._authority)
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox"],
            env={**os.environ, "HOME": str(self._home)},
            handle_sigint=False,
            handle_sigterm=False,
        )
        return self

    def page(self, url: str, size: tuple[int, int] = SIZE) -> Page:
        """Open an empty page of a new person's; paths are those of the site at `url`."""
        context = self._browser.new_context(
            base_url=url, viewport={"width": size[0], "height": size[1]}, accept_downloads=True
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page

    def stop(self) -> None:
        """End the browser; harmless when an interruption has ended it already."""
        with suppress(Error):
            self._browser.close()
        self._playwright.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

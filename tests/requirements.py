"""What tests of real RDP parts need of the machine, and the one sentence that says what is lacking.

In CI a lack fails the tests: a job that skips proves nothing. On a laptop it skips them.
"""

import os
import shutil

import pytest

PROGRAMS = (
    "xfreerdp",
    "xfreerdp3",
    "xrdp",
    "xrdp-sesman",
    "freerdp-shadow-cli",
    "remmina",
    "dbus-daemon",
    "winpr-hash",
    "Xvfb",
    "xdotool",
    "import",
    "xterm",
    "openbox",
    "nft",
    "ip",
    "ss",
    "unshare",
    "setpriv",
)


def lacking() -> str:
    """Return what the machine lacks as one sentence, empty when it lacks nothing."""
    if os.geteuid() != 0:
        return "interop tests make users and namespaces, so they need root: run them with sudo"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"interop tests need {', '.join(missing)}: run tools/packages.sh test"
    return ""


def require() -> None:
    """Skip the test when something lacks; fail it in CI, where `CI` is set."""
    if sentence := lacking():
        if os.environ.get("CI"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)

"""`make demo`: a stock RDP client opens a desktop on a machine that has no open port.

Reads from top to bottom as what an administrator does. Everything is real: the server, the agent, xrdp and
xfreerdp are started as their own programs; nothing is simulated and no certificate check is off. All state is
in `demo/.state` and made anew at each run.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from demo.show import fact, heading, note, problem, verbatim
from lab.accounts import Account
from lab.certificates import Authority
from lab.display import Display
from lab.freerdp import FreeRdp
from lab.listening import in_namespace_of, listening
from lab.platform import COMMAND, HostAgent, Platform
from lab.process import Failed
from lab.xrdp_host import XrdpHost

HERE = Path(__file__).parent
STATE = HERE / ".state"
PICTURE = HERE / "desktop.png"
USER = "dialback-demo"
RESOURCE = "office"
SETTLE_S = 1.0
"""Time for what was typed to be carried out and drawn, before the picture is taken."""


def main() -> int:
    """Run the demonstration; with `ONCE=1` in the environment, end after the picture."""
    if os.geteuid() != 0:
        problem("The demo adds a user and starts xrdp, so it needs root: run `sudo make demo`.")
        return 1
    once = os.environ.get("ONCE", "") not in ("", "0")
    try:
        with ExitStack() as stack, _interruptible():
            demonstrate(stack)
            if not once:
                note("Everything keeps running. Press Ctrl-C to end it.")
                signal.pause()
    except KeyboardInterrupt:
        note("Ended, and everything that was started with it.")
    except Failed as failure:
        problem(str(failure))
        return 1
    return 0


def demonstrate(stack: ExitStack) -> None:
    """Set everything up, open the desktop, and show what happened."""
    shutil.rmtree(STATE, ignore_errors=True)
    (STATE / "host").mkdir(mode=0o711, parents=True)

    heading("1. The platform: web, gateway and broker in one process, on one port")
    platform = stack.enter_context(Platform(STATE))
    fact("listens on", platform.address)
    fact("own CA", shown(platform.ca))

    heading("2. A real RDP host: xrdp with a desktop, on a Unix socket")
    account = stack.enter_context(Account(USER))
    certificate = Authority(STATE / "host", f"{RESOURCE} host").issue(f"{RESOURCE}.host.test")
    host = stack.enter_context(XrdpHost(STATE / "host", RESOURCE, certificate))
    own = listening(host.pid)
    reachable = set(own) & set(in_namespace_of(os.getpid()))
    fact("RDP listens on", str(host.socket))
    fact("all sockets of the host", ", ".join(each.address for each in own))
    fact(
        "of these in a network",
        ", ".join(each.address for each in reachable) or "none; it has only its own loopback",
    )

    host.log_on(USER, account.password)

    heading("3. The host agent: enrolled with a join code, as an ordinary user")
    target = f"unix:{host.socket}"
    agent = stack.enter_context(HostAgent(platform, STATE, RESOURCE, target))
    server = platform.wait_for_report(RESOURCE)
    fact("runs as", Path(f"/proc/{agent.pid}").owner())
    fact("listens on", ", ".join(each.address for each in listening(agent.pid)) or "nothing at all")
    fact("RDP security", f"{server['security']}, {server['tls_version']}")
    fact("RDP certificate", server["certificate_sha256"])

    heading("4. A connection file, opened by stock xfreerdp")
    platform.run("resource", "add", RESOURCE, "--host", RESOURCE, "--target", target, "--user", USER)
    file = platform.connection_file(RESOURCE, USER, STATE / f"{RESOURCE}.rdp")
    fact("file", shown(file))
    display = stack.enter_context(Display(STATE, (1024, 768)))
    client = stack.enter_context(FreeRdp(display, STATE, authority=platform.ca))
    client.connect(file, user=USER, password=account.password, pin=server["certificate_sha256"])
    seconds = client.wait_rendered()
    fact("desktop seen after", f"{seconds:.1f} s")
    display.type_in_terminal("clear; uname -n; id -un; ss -4tln")
    time.sleep(SETTLE_S)
    display.screenshot(PICTURE)
    fact("picture", shown(PICTURE))

    heading("5. What the broker kept of it")
    verbatim(platform.run("connection", "show", platform.connections()[0]["id"]))

    heading("Try next")
    for command in ("host list", "connection list", "doctor", f"connect-file {RESOURCE} --user {USER}"):
        verbatim(f"{shown(COMMAND)} {command} --data {shown(platform.data)}")


def shown(path: Path) -> str:
    """Return the path as short as it can be copied from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end the demonstration as Ctrl-C does, so that nothing is left behind."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    yield


if __name__ == "__main__":
    sys.exit(main())

"""What the interop tests play on: a platform, real hosts with their agents, people with real clients.

A test reads as what people do: `stage.xrdp("blue")`, `with desktop_through(stage, blue, login) as desktop`,
`desktop.types(login.home)`. Everything runs as its own program and is ended with the stage, which then reads
the logs of server and agents: one traceback fails the test, whatever the clients saw.
"""

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lab.accounts import Account
from lab.certificates import Authority
from lab.display import Display
from lab.freerdp import FreeRdp, Version
from lab.place import Place, here
from lab.platform import POLL_S, HostAgent, Platform
from lab.process import PATIENCE_S, Failed, run, wait_for
from lab.shadow_host import PURPLE, ShadowHost
from lab.xrdp_host import BLUE, XrdpHost
from tests.interop.worker import WORKER

Transport = Literal["websocket", "legacy", "raw"]
NAMES: dict[Transport, str] = {"websocket": "tsgu-websocket", "legacy": "tsgu-legacy", "raw": "websocket"}
"""How a record calls each transport."""
LEGACY: dict[Version, str] = {2: "/gt:http,no-websockets", 3: "/gateway:type:http,no-websockets"}
PREFIX = f"interop{WORKER}-"
"""All hosts are called so, by which their namespaces and folders are found after the tests."""
SIZE = (1024, 768)
TROUBLE = re.compile(r"Traceback|never retrieved|Exception ignored|\[(error|critical) *\]")


class Login(NamedTuple):
    """Who logs on to a host, and the home folder what they type goes to."""

    user: str
    password: str
    home: Path


def login_of(account: Account) -> Login:
    """Return the login of an account at any xrdp host."""
    return Login(account.name, account.password, account.home)


@dataclass(frozen=True)
class Published:
    """A host with its agent, published as a resource; `pin` is the SHA-256 of its RDP certificate."""

    resource: str
    host: XrdpHost | ShadowHost
    agent: HostAgent
    pin: str

    @property
    def colour(self) -> str:
        return self.host.colour


class Stage:
    """A running platform, the hosts behind it, and a folder for everybody's files."""

    def __init__(self, folder: Path, platform: Platform) -> None:
        self.folder = folder
        self.platform = platform
        self.authority = Authority(folder, "authority of the hosts")
        self._agents: list[HostAgent] = []
        self._stack = ExitStack()

    def xrdp(self, name: str, *users: str, colour: str = BLUE) -> Published:
        """Start an xrdp host on a Unix socket with its agent, and publish it to the users."""
        host = XrdpHost(self.folder, PREFIX + name, self.authority.issue(f"{name}.lab.test"), colour=colour)
        self._stack.enter_context(host)
        return self.publish(name, host, f"unix:{host.socket}", *users)

    def nla(self, name: str, address: tuple[str, int]) -> tuple[Published, Login]:
        """Start an NLA host with its agent, publish it to its one user, and return that login too."""
        certificate = self.authority.issue(f"{name}.lab.test")
        host = ShadowHost(self.folder, PREFIX + name, certificate, address=address, colour=PURPLE)
        self._stack.enter_context(host)
        published = self.publish(name, host, f"{address[0]}:{address[1]}", host.user)
        return published, Login(host.user, host.password, host.folder)

    def publish(
        self, name: str, host: XrdpHost | ShadowHost, target: str, *users: str, place: Place = here
    ) -> Published:
        """Start the agent of a host, wait until it sees its RDP server, and publish the resource `name`."""
        agent = HostAgent(self.platform, self.folder, host.name, target, place)
        self._stack.enter_context(agent)
        self._agents.append(agent)
        pin = self.platform.wait_for_report(host.name)["certificate_sha256"]
        words = ["resource", "add", name, "--host", host.name, "--target", target]
        self.platform.run(*words, *(word for user in users for word in ("--user", user)))
        return Published(name, host, agent, pin)

    def connection_file(self, published: Published, user: str, *, minutes: float = 10) -> Path:
        """Make a new connection file."""
        path = self.folder / f"{published.resource}-{secrets.token_hex(4)}.rdp"
        return self.platform.connection_file(published.resource, user, path, minutes=minutes)

    def watch(self) -> "Watch":
        """Begin to watch for connections that are not there yet."""
        return Watch(self.platform)

    def close(self) -> None:
        """End agents and hosts, then the server; raise `Failed` when a log tells of trouble."""
        try:
            self._stack.close()
        finally:
            self.platform.stop()
        for log in [self.platform.log, *(agent.log for agent in self._agents)]:
            text = log.read_text()
            if trouble := TROUBLE.search(text):
                raise Failed(f"{log.name}: {trouble[0]}\n{text[max(0, trouble.start() - 1000) :][:6000]}")


class Watch:
    """The records of connections that began after this was made."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known = {record["id"] for record in platform.connections()}

    def records(self) -> list[dict[str, Any]]:
        """Return the new records, newest first."""
        return [record for record in self._platform.connections() if record["id"] not in self._known]

    def opened(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait for exactly one new record, open or ended, and return it."""
        return _only(self._all(lambda record: True, timeout_s))

    def ended(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until the one new connection has ended, and return its record."""
        return _only(self.all_ended(timeout_s))

    def all_ended(self, timeout_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        """Wait until all new connections have ended, one at least; return their records, newest first."""
        return self._all(lambda record: record["ended_at"] is not None, timeout_s)

    def _all(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.records()
            return bool(found) and all(wanted(record) for record in found)

        if not wait_for(there, timeout_s, POLL_S):
            raise Failed(f"expected records as wanted within {timeout_s} s, got {found}")
        return found


def _only(records: list[dict[str, Any]]) -> dict[str, Any]:
    if len(records) != 1:
        raise Failed(f"expected one new connection, got {records}")
    return records[0]


class Desktop:
    """One person's client and the display it draws on; nothing is connected yet."""

    def __init__(self, client: FreeRdp, display: Display) -> None:
        self.client = client
        self.display = display

    def open(
        self,
        file: Path,
        login: Login,
        pin: str,
        transport: Transport = "websocket",
        *,
        password: str | None = None,
    ) -> None:
        """Open a connection file and return at once."""
        target: Path | str = file
        extra: list[str] = []
        if transport == "legacy":
            extra = [LEGACY[self.client.version]]
        elif transport == "raw":
            target = value_of(file, "full address")
            gateway, token = value_of(file, "gatewayhostname"), value_of(file, "gatewayaccesstoken")
            extra = [f"/gateway:url:wss://{gateway}/rdp/{target},bearer:{token}"]
        self.client.connect(
            target, user=login.user, password=password or login.password, pin=pin, extra=extra
        )

    def wait_rendered(self, colour: str) -> None:
        """Wait for a desktop with real content, on the background that tells its host."""
        self.client.wait_rendered()
        self.display.wait_for_colour(colour)

    def types(self, home: Path) -> str:
        """Type a new word into the terminal, wait until the host has it in a file, and return the word."""
        word, file = secrets.token_hex(4), home / "typed.txt"
        self.display.type_in_terminal(f"echo {word} > typed.txt")
        if not wait_for(lambda: file.exists() and file.read_text() == f"{word}\n"):
            raise Failed(f"expected {word} in {file}, got {file.read_text() if file.exists() else 'no file'}")
        return word

    def wait_refused(self, timeout_s: float = PATIENCE_S) -> str:
        """Wait until the client gives up by itself, and return what it printed."""
        code = self.client.wait_ended(timeout_s)
        if code == 0:
            raise Failed(f"expected a client that failed\n{self.client.log_tail()}")
        return self.client.log.read_text(errors="replace")


@contextlib.contextmanager
def seat(
    stage: Stage, version: Version = 2, *, authority: Path | None = None, place: Place = here
) -> Iterator[Desktop]:
    """Give a person a display and a client that trusts the platform's authority, or another one."""
    folder = stage.folder / f"seat-{secrets.token_hex(4)}"
    folder.mkdir()
    trusted = authority or stage.platform.ca
    with (
        Display(folder, SIZE) as display,
        FreeRdp(display, folder, version=version, authority=trusted, place=place) as client,
    ):
        yield Desktop(client, display)


@contextlib.contextmanager
def desktop_through(
    stage: Stage,
    published: Published,
    login: Login,
    version: Version = 2,
    transport: Transport = "websocket",
    place: Place = here,
    *,
    file: Path | None = None,
) -> Iterator[Desktop]:
    """Open a resource with `file`, or with a new connection file, and wait until its desktop is seen."""
    if isinstance(published.host, XrdpHost):
        published.host.log_on(login.user, login.password)
    with seat(stage, version, place=place) as desktop:
        file = file or stage.connection_file(published, login.user)
        desktop.open(file, login, published.pin, transport)
        desktop.wait_rendered(published.colour)
        yield desktop


def value_of(file: Path, name: str) -> str:
    """Return the value of a setting in a connection file."""
    lines = [line.split(":", 2) for line in file.read_text().splitlines()]
    return next(line[2] for line in lines if line[0] == name)


def altered(file: Path, name: str, value: str) -> Path:
    """Return a copy of a connection file with another value for a setting."""
    old = value_of(file, name)
    copy = file.with_name(f"{file.stem}-altered.rdp")
    text = file.read_text()
    for kind in ("s", "i"):
        text = text.replace(f"{name}:{kind}:{old}", f"{name}:{kind}:{value}")
    copy.write_text(text)
    return copy


def sent_bytes(address: str) -> int:
    """Return how many bytes the server at `address` has sent on the connections it has now."""
    port = address.rpartition(":")[2]
    return sum(
        int(sent) for sent in re.findall(r"bytes_sent:(\d+)", run(["ss", "-tinH", f"sport = :{port}"]))
    )


def unread_bytes(pid: int) -> int:
    """Return how many bytes wait in the TCP connections of a process."""
    lines = run(["ss", "-tnpH"]).splitlines()
    return sum(int(line.split()[1]) for line in lines if f"pid={pid}," in line)

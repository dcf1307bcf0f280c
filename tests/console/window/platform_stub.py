"""A platform on loopback for the window's tests: the API, the gateway, and hosts behind it, on one TLS port.

It runs in a thread of its own, so that the window may be in this process or in another. Hosts are agents'
real management sessions, and desktops that show a certificate and say everything back.
"""

import asyncio
import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dialback.agent.management import serve_management
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Reason
from dialback.identity.authority import Authority
from dialback.observe.tasks import Tasks
from dialback.transport.inner_tls import InnerTls, server_side
from dialback.transport.leg import Leg, LegLost
from dialback.transport.tls import server_context
from tests.agent.management_stage import ManagedHost
from tests.console.announcements import TARGET, announce
from tests.console.gateway_stub import CONFIRM_TLS, REQUEST, SWITCHING
from tests.transport.ending import ending

TOKEN = "console-token"
HOSTILE = "<b>x</b>\x1b[2J\u202eevil&\n<img src=x>"
SINCE = "2026-05-04T08:00:00Z"


@dataclass
class StubHost:
    """A host: what the API says of it, its agent, and how its tenant answers.

    `refusal` is told instead of opening; `consent`, if set, is waited for before the way is open. `ended` is
    the reason of record of its connections.
    """

    id: str
    name: str
    link_up: bool = True
    failed: tuple[str, ...] = ()
    sessions: int = 0
    system: str = "Debian GNU/Linux 12"
    announced: dict[str, Any] | None = None
    managed: ManagedHost = field(default_factory=ManagedHost)
    refusal: Reason | None = None
    ended: Reason = Reason.CLIENT_ENDED
    consent: asyncio.Event | None = None

    def view(self, certificate: str) -> dict[str, Any]:
        """Return what the API shows."""
        server = {
            "target": "127.0.0.1:3389",
            "answers": True,
            "security": "tls",
            "tls_version": "TLSv1.3",
            "certificate_sha256": certificate,
            "problem": "",
        }
        report = {
            "host_name": self.name,
            "system": self.system,
            "agent_version": "0.1.0",
            "rdp_servers": [server],
            "management": self.announced,
        }
        return {
            "id": self.id,
            "name": self.name,
            "link_up": self.link_up,
            "link_changed_at": SINCE,
            "failed": list(self.failed),
            "sessions": self.sessions,
            "agent_version": "0.1.0",
            "public_key": self.managed.key.public_bytes.hex(),
            "report": report,
            "reported_at": SINCE,
        }


class PlatformStub:
    """The platform. `tenants` maps ids to names and hosts; `asked` are the ways that were asked for."""

    def __init__(self, folder: Path) -> None:
        authority = Authority.open(folder)
        certificate, key = authority.ensure_server_certificate(["localhost"])
        self.ca = authority.certificate_path
        self.tenants: dict[str, tuple[str, list[StubHost]]] = {}
        self.suspended: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        self.proofs: list[dict[str, Any]] = []
        self.problem: tuple[int, str, str] | None = None
        self.port = 0
        self.requests = 0
        self._context = server_context(certificate, key)
        self._desktop = server_side()
        self._ways: dict[str, tuple[StubHost, ConsentScope]] = {}
        self._loop = asyncio.new_event_loop()
        self._ready, self._done = threading.Event(), asyncio.Event()

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def host(self, id: str) -> StubHost:
        return next(host for _, hosts in self.tenants.values() for host in hosts if host.id == id)

    def consent(self, host: StubHost) -> None:
        """Let those pass who wait for the host's tenant."""
        assert host.consent is not None
        self._loop.call_soon_threadsafe(host.consent.set)

    @contextlib.contextmanager
    def running(self) -> Iterator["PlatformStub"]:
        """Serve while the block runs."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        assert self._ready.wait(20), "the platform did not come up"
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._done.set)
            thread.join(20)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        stub, tasks = self, Tasks()

        class Accepted(Leg):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                tasks.start("platform", stub._answer(self))

        server = await self._loop.create_server(Accepted, "localhost", self.port or 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        async with ending(server):
            await tasks.close()

    async def _answer(self, leg: Leg) -> None:
        try:
            with contextlib.suppress(LegLost, OSError):
                await self._answer_all(leg)
        finally:
            leg.abort()

    async def _answer_all(self, leg: Leg) -> None:
        held = b""
        while data := await leg.receive():
            held += data
            head, end, body = held.partition(b"\r\n\r\n")
            if not end or len(body) < _length(head):
                continue
            method, path, _ = head.decode().split(" ", 2)
            if path.startswith("/stream/"):
                await self._stream(leg, path.rpartition("/")[2])
                break
            leg.send(self._api(method, path.partition("?")[0], body))
            held = b""

    def _api(self, method: str, path: str, body: bytes) -> bytes:
        self.requests += 1
        if self.problem:
            status, reason, title = self.problem
            return _http(status, {"reason": reason, "title": title}, "application/problem+json")
        words = path.removeprefix("/api/v1/provider/").split("/")
        if words == ["connections"]:
            return _http(201, self._way(json.loads(body)))
        if words[-1] == "proof":
            self.proofs.append(json.loads(body))
            return _http(200, {})
        if words[-1] == "end":
            host, _ = self._ways[words[1]]
            return _http(200, {"reason": host.ended, "detail": "said the platform"})
        if words == ["tenants"]:
            return _http(200, {"items": [self._tenant(id) for id in self.tenants], "after": ""})
        hosts = self.tenants[words[1]][1]
        views = [host.view(self._desktop.certificate_sha256) for host in hosts]
        return _http(200, {"items": views, "after": ""})

    def _tenant(self, id: str) -> dict[str, Any]:
        name, hosts = self.tenants[id]
        up = sum(host.link_up for host in hosts)
        return {
            "id": id,
            "name": name,
            "hosts_up": up,
            "hosts_down": len(hosts) - up,
            "suspended": id in self.suspended,
            "connections": 0,
            "terms": {},
            "bytes_month": 0,
        }

    def _way(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        host, scope, alias = self.host(asked["host"]), ConsentScope(asked["scope"]), secrets.token_hex(4)
        self._ways[alias] = (host, scope)
        target = asked["target"] or TARGET
        certificate = self._desktop.certificate_sha256
        signed = announce(host.managed.key, host.id, certificate, target)
        return {
            "request": alias,
            "token": "t",
            "alias": alias,
            "address": self.address,
            "host_name": host.name,
            "host_key": host.managed.key.public_bytes.hex(),
            "target": target if scope is ConsentScope.DESKTOP else "",
            "certificates": {target: certificate},
            "signatures": {target: {"signed_at": signed.signed_at, "signature": signed.signature}},
        }

    async def _stream(self, leg: Leg, alias: str) -> None:
        host, scope = self._ways[alias]
        if host.refusal:
            leg.send(_http(403, {"reason": host.refusal.value, "detail": "said the tenant"}))
            await leg.close()
            return
        if host.consent:
            await host.consent.wait()
        leg.send(SWITCHING)
        if scope is ConsentScope.DESKTOP:
            await self._serve_desktop(leg)
        else:
            context = host.managed.context()
            agent = replace(context.identity.enrolled, host_id=host.id)
            identity = replace(context.identity, enrolled=agent)
            await serve_management(leg, replace(context, identity=identity, allowed=frozenset({scope})))

    async def _serve_desktop(self, leg: Leg) -> None:
        first = await leg.receive()
        if first != REQUEST:
            leg.send(first)
            while data := await leg.receive():
                leg.send(data)
            return
        leg.send(CONFIRM_TLS)
        tls = InnerTls(leg, self._desktop.context, is_server=True)
        await tls.shake_hands()
        while data := await tls.receive():
            await tls.send(data)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0


def _http(status: int, told: object, kind: str = "application/json") -> bytes:
    body = json.dumps(told).encode()
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def stocked(stub: PlatformStub) -> PlatformStub:
    """Give the platform two tenants with hosts of every state."""
    stub.tenants = {
        "acme": (
            "Acme GmbH",
            [
                StubHost("h1", "files", sessions=3),
                StubHost("h2", "mail", failed=("disk",)),
                StubHost("h3", "old-erp", link_up=False),
            ],
        ),
        "bolt": ("Bolt & Söhne", [StubHost("h4", "terminal-01", sessions=12)]),
    }
    return stub


NOW = datetime(2026, 5, 4, tzinfo=UTC)

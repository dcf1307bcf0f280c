"""The web application over a store in memory, and a browser's worth of HTTP."""

from typing import Any

import httpx

from dialback.domain.audit import AuditEntry
from dialback.domain.contracts import Enrolment, StoreUnavailable
from dialback.domain.errors import Refused
from dialback.domain.hosts import Host, HostReport
from dialback.domain.ids import HostId
from dialback.domain.secret import Secret
from dialback.observe.metrics import Metrics
from dialback.store.memory import MemoryStore
from dialback.web.site import Site, make_app
from tests.broker.stores import NOW

CA_PEM = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"
ADDRESS = "gw.example.org:443"


class Enrols(Enrolment):
    """An enrolment that does as it is told."""

    def __init__(self) -> None:
        self.refusal: Refused | None = None
        self.asked: list[tuple[str, bytes, HostReport]] = []

    async def enrol(self, join_secret: Secret, public_key: bytes, report: HostReport) -> Host:
        self.asked.append((join_secret.reveal(), public_key, report))
        if self.refusal is not None:
            raise self.refusal
        return Host(HostId("h1"), "desk", public_key, NOW)


class CheckedStore(MemoryStore):
    """A store that may be away."""

    away = False

    async def check(self) -> str:
        if self.away:
            raise StoreUnavailable("the disk is full at /secret/path")
        return await super().check()


class Web:
    """The application, and what is behind it."""

    def __init__(self) -> None:
        self.enrols = Enrols()
        self.metrics = Metrics()
        self.entries: list[AuditEntry] = []
        self.store = CheckedStore()
        self.site = Site(
            enrolment=self.enrols,
            ca_pem=CA_PEM,
            metrics=self.metrics,
            store=self.store,
            address=ADDRESS,
            recorder=self,
        )
        self.app = make_app(self.site)

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    async def ask(self, method: str, path: str, *, peer: str = "192.0.2.7", **more: Any) -> httpx.Response:
        """Send one request, without following redirects."""
        transport = httpx.ASGITransport(self.app, client=(peer, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{ADDRESS}") as client:
            return await client.request(method, path, **more)

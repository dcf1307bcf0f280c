"""A server with the API on loopback, in a thread of its own, over the data folder of a `Terminal`."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dialback.app.build import web_protocols
from dialback.app.certificates import server_certificates
from dialback.app.files import signing_key
from dialback.app.settings import listen_address, load_settings, public_address, store_url
from dialback.broker.auditor import Auditor
from dialback.cli.api import Login, write_login
from dialback.domain.accounts import Origin, Person, SignInKind
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import HostId, SessionId, TenantId, TokenHash, UserId, UserName
from dialback.domain.sessions import Session, SessionState
from dialback.domain.tenancy import MAIN, Role, Tenant, User
from dialback.edge.accept import Edge
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.observe.metrics import Metrics
from dialback.observe.tasks import Tasks
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from dialback.transport.listen import listen_tls
from dialback.transport.tls import server_context
from dialback.web.api.parts import Api
from dialback.web.connection_files import ConnectionFiles
from dialback.web.site import Site
from tests.web.api.stage import Cuts, Orders
from tests.web.stage import Enrols

ACME = TenantId("acme")
PEOPLE = {"olga": Role.OWNER, "anne": Role.USER, "bob": Role.USER}


class Served:
    """The running server, and what the test knows of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = load_settings(folder)
        self.address = public_address(self.settings)
        self.orders, self.cuts = Orders(), Cuts()
        self.loop = asyncio.new_event_loop()
        self.ready, self.done = threading.Event(), asyncio.Event()

    def ask(self, work: Any) -> Any:
        """Run a coroutine in the server's thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def approve(self, user_code: str, name: str = "olga") -> bool:
        """Let a command line in, as a person at a browser does."""
        user = await self.store.directory.find(User, MAIN, name)
        assert user is not None
        opened = await self.authenticator.open(user, SignInKind.BROWSER, "password", Origin("127.0.0.1"))
        return await self.authenticator.approve_device(user_code, Person(user, user.role, opened.sign_in))

    def sign_in(self, name: str, tenant: TenantId = MAIN) -> None:
        """Keep a sign-in of the user for commands, as `dialback login` does."""

        async def opened() -> str:
            user = await self.store.directory.find(User, tenant, name)
            assert user is not None
            here = Origin("127.0.0.1")
            return (await self.authenticator.open(user, SignInKind.CLI, "test", here)).secret.reveal()

        write_login(Login(self.address, (self.folder / "ca.pem").read_text(), self.ask(opened())))

    async def audited(self) -> list[tuple[str, str, str]]:
        """Return kind and name of the actor, and the action of every entry, oldest first."""
        assert await self.auditor.settled(10)
        entries = await self.store.audit.entries(MAIN, limit=500)
        return [(each.actor.kind.value, each.actor.name, each.action) for each in reversed(entries)]

    async def serve(self) -> None:
        certificates = server_certificates(self.folder, self.settings)
        self.store = await open_store(store_url(self.folder, self.settings))
        self.auditor = Auditor(self.store.audit)
        self.authenticator = Authenticator(self.store.accounts, self.store.directory, SignInSettings())
        await fill(self.store)
        api = Api(
            directory=self.store.directory,
            store=self.store,
            accounts=self.store.accounts,
            approvals=self.store.approvals,
            audit=self.store.audit,
            recorder=self.auditor,
            authenticator=self.authenticator,
            icons=self.store.icons,
            provider=self.store.provider,
            files=ConnectionFiles(signing_key(self.folder, self.settings), self.address),
            connections=self.cuts,
            orders=self.orders,
            address=self.address,
            ca_pem=certificates.ca_pem,
            now=lambda: datetime.now(UTC),
        )
        site = Site(Enrols(), certificates.ca_pem, Metrics(), self.store, self.address, api=api)
        tasks = Tasks()
        edge = Edge(lambda head: None, web_protocols(site), tasks)
        tls = server_context(certificates.certificate, certificates.key)
        listener = await listen_tls(*listen_address(self.settings), tls, edge.protocol)
        tasks.start("audit", self.auditor.run())
        self.ready.set()
        await self.done.wait()
        listener.close()
        await tasks.close()
        await self.store.close()


async def fill(store: SqlStore) -> None:
    """Make two tenants with people of the same names, and in the first one hosts with one session."""
    now = datetime.now(UTC)
    for tenant in (MAIN, ACME):
        await store.directory.save_tenant(Tenant(tenant, tenant.title()))
        for name, role in PEOPLE.items():
            await store.directory.save(User(tenant, UserId(f"u-{name}"), UserName(name), role=role))
    for number in ("1", "2"):
        host = HostId(f"h{number}")
        hash = TokenHash(f"code{number}".ljust(64, "0"))
        code = JoinCode(hash, f"desk-{number}", now + timedelta(hours=1))
        await store.save_join_code(code)
        await store.enrol_host(code.hash, Host(host, f"desk-{number}", number.encode() * 32, now), now)
    session = Session(MAIN, HostId("h1"), SessionId("7"), UserName("anne"), SessionState.ACTIVE, now)
    await store.directory.save_sessions(MAIN, HostId("h1"), [session])
    await store.set_link(HostId("h1"), True, now)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve while the block runs."""
    server = Served(folder)
    thread = threading.Thread(target=_run, args=(server,), daemon=True)
    thread.start()
    assert server.ready.wait(60), "the server did not come up"
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(server.done.set)
        thread.join(30)


def _run(server: Served) -> None:
    asyncio.set_event_loop(server.loop)
    try:
        server.loop.run_until_complete(server.serve())
    finally:
        server.loop.close()

"""The portal over memory: two tenants alike, a person of each role, and a browser for each of them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI

from dialback.domain.accounts import Origin, SignInKind
from dialback.domain.approvals import Approval, Cause
from dialback.domain.audit import AuditEntry
from dialback.domain.catalog import (
    ApplicationGroup,
    ApplicationGroupKind,
    PublishedResource,
    RemoteApp,
    UserAssignment,
    Workspace,
)
from dialback.domain.consent import ConsentRequest, ConsentScope
from dialback.domain.contracts import Store
from dialback.domain.directory import Directory
from dialback.domain.errors import Reason, Refused
from dialback.domain.flight import FlightEntry, FlightEvent, build, extend
from dialback.domain.hosts import DEFAULT_TARGET, Host, HostReport, JoinCode, RdpServer
from dialback.domain.ids import (
    ApplicationGroupId,
    ConnectionId,
    GrantId,
    HostId,
    PoolId,
    ResourceId,
    ResourceName,
    SessionId,
    TenantId,
    TokenHash,
    UserId,
    UserName,
    WorkspaceId,
)
from dialback.domain.live import LiveConnection
from dialback.domain.orders import SessionAction
from dialback.domain.pools import HostPool, PoolHost, StepUp
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord, Session, SessionState, Stage, Totals
from dialback.domain.tenancy import MAIN, Role, Tenant, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.authority import Authority
from dialback.identity.oidc.flow import OidcProvider
from dialback.identity.passwords import Passwords
from dialback.identity.settings import SignInSettings
from dialback.identity.signing import SigningKey
from dialback.observe.metrics import Metrics
from dialback.store.memory import MemoryStore
from dialback.store.memory_accounts import MemoryAccounts
from dialback.store.memory_approvals import MemoryApprovals
from dialback.store.memory_audit import MemoryAudit
from dialback.store.memory_provider import MemoryProvider
from dialback.store.sql import SqlStore
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.people import COOKIE
from dialback.web.portal.application import PortalParts
from dialback.web.site import Site, make_app
from tests.web.staff import save_staff
from tests.web.stage import ADDRESS, CA_PEM, Enrols

ACME = TenantId("acme")
ROLES = {
    "olga": Role.OWNER,
    "adam": Role.ADMINISTRATOR,
    "hella": Role.HELPDESK,
    "anna": Role.USER,
}
PASSWORD = "river-pencil-orbit-92"
ORIGIN = Origin("192.0.2.7", "test")
HOST = HostId("desk-1")
PIN = "ab" * 32
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIMELINE = {
    Stage.TLS: 14.2,
    Stage.HEAD: 1.1,
    Stage.HANDSHAKE: 22.8,
    Stage.ADMIT: 3.4,
    Stage.PLACE: 8.9,
    Stage.DIAL: 12.5,
    Stage.REVERSE: 31.7,
    Stage.FIRST_BYTE: 48.3,
}
HOSTILE = '<script>alert("1")</script>&{{7*7}} \U0001f5a5 \u05e9\u05dc\u05d5\u05dd'
"""A text that the directory takes, and that a page must show as what it is."""
STEERING = f"{HOSTILE}\x1b[2J\x9b1m\u202egpj.exe\u2066\x00\ud800"
"""What a host or a client says of itself: it would steer a terminal, and turn a line round."""
STEERING_SHOWN = f"{HOSTILE}\\x1b[2J\\x9b1m\\u202egpj.exe\\u2066\\x00\\ud800"
"""How a page shows it."""


class Recorded:
    """A recorder that keeps what it is told, and an audit log of it."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    @property
    def actions(self) -> list[str]:
        return [entry.action for entry in self.entries]


class Orders:
    """Session orders that are carried out, or refused."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str, str, str, str]] = []
        self.refusal: Refused | None = None

    async def order(self, session: Session, action: SessionAction, text: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.given.append((session.tenant, session.host, session.id, action.value, text))


class Cuts:
    """Live connections: the one of Anna's in each tenant can be cut, once."""

    def __init__(self) -> None:
        self.open = {ConnectionId("c-live"), ConnectionId("acme-c-live")}
        self.details: list[str] = []

    def live(self) -> Sequence[LiveConnection]:
        return ()

    async def cut(self, ids: Collection[ConnectionId], reason: Reason, detail: str = "") -> int:
        found = self.open & set(ids)
        self.open -= found
        self.details += [f"{reason}: {detail}"] * len(found)
        return len(found)


class Told:
    """Who is told what a tenant has decided."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, TenantId, str]] = []

    async def granted(self, tenant: TenantId, request_id: str) -> None:
        self.heard.append(("granted", tenant, request_id))

    async def denied(self, tenant: TenantId, request_id: str) -> None:
        self.heard.append(("denied", tenant, request_id))

    async def revoked(self, tenant: TenantId, grant_id: GrantId) -> None:
        self.heard.append(("revoked", tenant, grant_id))


class Browser:
    """One person's browser: it keeps cookies and says where its requests come from."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.7", 50000))
        self.cookies = httpx.Cookies()
        self.headers = {"User-Agent": "Testfox/1", "Sec-Fetch-Site": "same-origin"}

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = self.headers | more.pop("headers", {})
        async with httpx.AsyncClient(
            transport=self._transport, base_url=f"https://{ADDRESS}", cookies=self.cookies
        ) as client:
            answer = await client.request(method, path, headers=headers, **more)
            self.cookies = client.cookies
            return answer

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return await self.ask("POST", path, data=fields)

    async def part(self, path: str) -> httpx.Response:
        """Ask as the script does."""
        return await self.ask("GET", path, headers={"HX-Request": "true"})


class PortalStage:
    """The portal, what is behind it, and browsers."""

    def __init__(
        self,
        key: SigningKey,
        now: datetime | None = NOW,
        providers: dict[str, OidcProvider] | None = None,
        address: str = ADDRESS,
        store: SqlStore | None = None,
    ) -> None:
        self._now = now
        memory = MemoryStore()
        self.store: Store = store or memory
        self.directory: Directory = self.store.directory
        self.accounts = store.accounts if store else MemoryAccounts(memory.directory)
        self.approvals = store.approvals if store else MemoryApprovals()
        self.audit = store.audit if store else MemoryAudit()
        self.provider = store.provider if store else MemoryProvider(memory.directory)
        self.told, self.recorded = Told(), Recorded()
        self.orders, self.cuts = Orders(), Cuts()
        cheap = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.authenticator = Authenticator(
            self.accounts, self.directory, SignInSettings(), now=lambda: self.now, passwords=cheap
        )
        self.parts = PortalParts(
            directory=self.directory,
            accounts=self.accounts,
            approvals=self.approvals,
            audit=self.audit,
            recorder=self.recorded,
            authenticator=self.authenticator,
            publisher=key,
            key=b"k" * 32,
            now=lambda: self.now,
            provider=self.provider,
            orders=self.orders,
            connections=self.cuts,
            consent_events=self.told,
            providers=providers or {},
            provider_settings=ProviderSettings(networks=("192.0.2.0/24", "127.0.0.0/8")),
        )
        self.site = Site(Enrols(), CA_PEM, Metrics(), self.store, address, portal=self.parts)
        self.app = make_app(self.site)

    @property
    def now(self) -> datetime:
        """What the clock says: what it was set to, or the time."""
        return self._now or datetime.now(UTC)

    def later(self, time: timedelta) -> None:
        """Let time pass."""
        self._now = self.now + time

    def without_orders(self) -> None:
        """Let nobody reach the hosts' agents."""
        self.app = make_app(replace(self.site, portal=replace(self.parts, orders=None)))

    def browser(self) -> Browser:
        """Return a browser in which nobody is signed in."""
        return Browser(self.app)

    async def user(self, name: str, tenant: TenantId = MAIN) -> User:
        user = await self.directory.find(User, tenant, name)
        assert user is not None
        return user

    async def signed_in(self, name: str, tenant: TenantId = MAIN) -> Browser:
        """Return a browser in which the person is signed in."""
        opened = await self.authenticator.open(
            await self.user(name, tenant), SignInKind.BROWSER, "password", ORIGIN
        )
        browser = self.browser()
        browser.cookies.set(COOKIE, opened.secret.reveal(), ADDRESS.partition(":")[0])
        return browser

    async def set_password(self, name: str, password: str = PASSWORD, tenant: TenantId = MAIN) -> None:
        """Give the person a password; it signs nobody in."""
        user = await self.user(name, tenant)
        opened = await self.authenticator.accept(
            await self.authenticator.invite(user), Secret(password), ORIGIN
        )
        await self.authenticator.end(opened.secret)

    async def fill(self) -> None:
        """Make both tenants, alike but for the mark on their ids."""
        for tenant, mark in ((MAIN, ""), (ACME, "acme-")):
            await self.directory.save_tenant(Tenant(tenant, tenant.title()))
            for name, role in ROLES.items():
                await self.directory.save(User(tenant, UserId(name), UserName(name), role=role))
            await self._publish(tenant, mark)
            await self._use(tenant, mark)

    async def hire(self) -> None:
        """Make the provider's staff, who are named in `tests/web/staff.py`."""
        await save_staff(self.directory, self.provider)

    async def publish(self, resource: PublishedResource) -> None:
        """Keep one resource more, or change one."""
        await self.directory.save(resource)

    def office(self, tenant: TenantId = MAIN, mark: str = "") -> PublishedResource:
        """Return the desktop that is assigned to Anna."""
        group = ApplicationGroupId(f"{mark}desktops")
        return PublishedResource(
            tenant, ResourceId(f"{mark}office"), group, ResourceName(f"{mark}office"), "Office desktop"
        )

    def writer(self, tenant: TenantId = MAIN, mark: str = "") -> PublishedResource:
        """Return the app that is assigned to Anna."""
        return PublishedResource(
            tenant,
            ResourceId(f"{mark}writer"),
            ApplicationGroupId(f"{mark}apps"),
            ResourceName(f"{mark}writer"),
            "Writer",
            remote_app=RemoteApp("||writer"),
            folders=("Documents",),
        )

    async def want_approval(self) -> None:
        """Let connections to the pool wait for their user."""
        pool = await self.directory.get(HostPool, MAIN, "pool")
        assert pool is not None
        await self.directory.save(replace(pool, step_up=StepUp(wanted=True)))

    async def ask_approval(
        self,
        id: str = "a1",
        number: int | None = 42,
        user: str = "anna",
        tenant: TenantId = MAIN,
        **more: Any,
    ) -> Approval:
        """Let a connection wait for its user."""
        approval = Approval(
            ConnectionId(id),
            tenant,
            UserId(user),
            ResourceName("office"),
            Cause.POLICY,
            number,
            "198.51.100.20",
            "ANNAS-PC",
            self.now,
            self.now + timedelta(seconds=60),
        )
        approval = replace(approval, **more)
        await self.approvals.ask(approval)
        return approval

    async def ask_consent(self, id: str = "r1", tenant: TenantId = MAIN, **more: Any) -> ConsentRequest:
        """Let tess of the provider ask for something."""
        host = HostId(f"{'' if tenant == MAIN else f'{tenant}-'}{HOST}")
        scope, target = ConsentScope.DESKTOP, DEFAULT_TARGET
        request = ConsentRequest(
            id, tenant, host, "tess", "technician", scope, target, "printer", self.now, "T-1"
        )
        request = replace(request, **more)
        await self.provider.ask_consent(request)
        return request

    async def fly(self, id: str, purpose: str = HOSTILE) -> None:
        """Keep a flight record of a connection that is there."""
        chain: list[FlightEntry] = []
        chain.append(
            extend(
                chain, ConnectionId(id), self.now, FlightEvent.ASKED, user="tess", purpose=purpose, host="h"
            )
        )
        for moved in (0, 10):
            chain.append(extend(chain, ConnectionId(id), self.now, FlightEvent.BYTES, to_client_bytes=moved))
        await self.provider.append_flight(MAIN, [build(entry) for entry in chain])

    async def _publish(self, tenant: TenantId, mark: str) -> None:
        host, pool, save = HostId(f"{mark}{HOST}"), PoolId(f"{mark}pool"), self.directory.save
        await save(HostPool(tenant, pool, "Office pool", session_limit=20))
        code = JoinCode(
            TokenHash(f"{mark}code"),
            f"{mark}blue-01",
            self.now + timedelta(hours=1),
            tenant=tenant,
            pool=pool,
        )
        await self.store.save_join_code(code)
        await self.store.enrol_host(code.hash, Host(host, "desk", b"k" * 32, self.now), self.now)
        servers = (RdpServer(DEFAULT_TARGET, True, "tls", "TLSv1.3", PIN),)
        await self.store.save_report(host, HostReport("blue-01", "Debian 12", "1", servers), self.now)
        await self.store.set_link(host, True, self.now)
        await self.directory.save_pool_host(PoolHost(tenant, pool, host))
        workspace = await save(Workspace(tenant, WorkspaceId(f"{mark}work"), "Work"))
        for id, kind in (
            ("desktops", ApplicationGroupKind.DESKTOP),
            ("apps", ApplicationGroupKind.REMOTE_APP),
        ):
            group = ApplicationGroupId(f"{mark}{id}")
            await save(ApplicationGroup(tenant, group, id.title(), pool, kind, workspace.id))
            await self.directory.assign(UserAssignment(tenant, group, UserId("anna")))
        await save(self.office(tenant, mark))
        await save(self.writer(tenant, mark))

    async def _use(self, tenant: TenantId, mark: str) -> None:
        host = HostId(f"{mark}{HOST}")
        session = Session(
            tenant,
            host,
            SessionId("7"),
            UserName("anna"),
            SessionState.ACTIVE,
            self.now - timedelta(minutes=12),
        )
        await self.directory.save_sessions(tenant, host, [session])
        live = ConnectionRecord(
            id=ConnectionId(f"{mark}c-live"),
            opened_at=self.now - timedelta(minutes=12),
            transport="tsgu-websocket",
            client_address="198.51.100.20",
            client_name="ANNAS-PC",
            tenant=tenant,
            user=UserName("anna"),
            resource=ResourceName(f"{mark}office"),
            host_id=host,
            totals=Totals(48_200_000, 910_000),
            timeline=TIMELINE,
        )
        refused = replace(
            live,
            id=ConnectionId(f"{mark}c-refused"),
            opened_at=self.now - timedelta(hours=3),
            ended_at=self.now - timedelta(hours=3) + timedelta(seconds=1),
            reason=Reason.HOSTS_FULL,
            detail="Office pool: of 3 hosts full 3",
            host_id=None,
            resource=ResourceName(f"{mark}writer"),
            totals=Totals(),
            timeline={stage: TIMELINE[stage] for stage in list(TIMELINE)[:5]},
        )
        ended = replace(
            live,
            id=ConnectionId(f"{mark}c-ended"),
            opened_at=self.now - timedelta(hours=26),
            ended_at=self.now - timedelta(hours=25),
            reason=Reason.CLIENT_ENDED,
            timeline=TIMELINE | {Stage.END: 3_600_000.0},
        )
        for record in (live, refused, ended):
            await self.store.save_connection(record)


def signing_key(folder: Path) -> SigningKey:
    """Return the key that signs connection files, made in the folder."""
    return SigningKey.open(Authority.open(folder), "gw.example.org")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def text_of(answer: httpx.Response) -> str:
    """Return what a person reads on the page, with single blanks."""
    parser = _Text()
    parser.feed(answer.text)
    return " ".join("".join(parser.parts).split())


def links_of(answer: httpx.Response) -> list[str]:
    """Return where the links of the page lead."""
    parser = _Text()
    parser.feed(answer.text)
    return [tag[1].get("href") or "" for tag in parser.tags if tag[0] == "a"]


def field_of(answer: httpx.Response, name: str) -> str:
    """Return the value of the form's field of that name."""
    parser = _Text()
    parser.feed(answer.text)
    found = [tag[1].get("value") for tag in parser.tags if tag[0] == "input" and tag[1].get("name") == name]
    assert found, f"no field {name}"
    return found[0] or ""

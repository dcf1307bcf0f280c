"""The API over memory: two tenants with a person of each role, a host, sessions, connections, approvals.

And the provider with its staff: pia administers, tess serves acme, timo whoever is golden, aida reads of
acme, and nora is a user of the provider's tenant who is on no staff.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from dialback.domain.accounts import Accounts, Origin, Scope, SignInKind
from dialback.domain.approvals import Approval, Approvals, Cause
from dialback.domain.audit import Audit, AuditEntry
from dialback.domain.catalog import ApplicationGroup, PublishedResource, UserAssignment, Workspace
from dialback.domain.consent import ConsentRequest, ConsentScope, Grant
from dialback.domain.contracts import Store
from dialback.domain.directory import Directory, E
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host, HostReport, JoinCode, RdpServer
from dialback.domain.icons import Icons
from dialback.domain.ids import (
    ApplicationGroupId,
    ConnectionId,
    GrantId,
    GroupId,
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
from dialback.domain.pools import HostPool, PoolHost
from dialback.domain.provider import ConsentKey, KeptGrant, Provider
from dialback.domain.sessions import ConnectionRecord, Session, SessionState, Stage, Totals
from dialback.domain.tenancy import MAIN, Group, Role, Tenant, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.authority import Authority
from dialback.identity.grants import build, sign
from dialback.identity.host_keys import HostKey
from dialback.identity.settings import SignInSettings
from dialback.identity.signing import SigningKey
from dialback.store.memory import MemoryStore
from dialback.store.memory_accounts import MemoryAccounts
from dialback.store.memory_approvals import MemoryApprovals
from dialback.store.memory_audit import MemoryAudit
from dialback.store.memory_icons import MemoryIcons
from dialback.store.memory_provider import MemoryProvider
from dialback.store.sql import SqlStore
from dialback.web.api.application import make_api
from dialback.web.api.parts import Api
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.connection_files import ConnectionFiles
from tests.web.staff import save_staff

ADDRESS = "gw.example.org:443"
ACME = TenantId("acme")
PEOPLE = {
    "olga": Role.OWNER,
    "adam": Role.ADMINISTRATOR,
    "hella": Role.HELPDESK,
    "uma": Role.USER,
}
ORIGIN = Origin("192.0.2.7", "test")
HOST = HostId("desk-1")
CONNECTION = ConnectionId("c-uma")
APPROVAL = ConnectionId("a-uma")


class Notes:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    @property
    def actions(self) -> list[tuple[str, str]]:
        return [(entry.action, entry.subject) for entry in self.entries]


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
    """Live connections, of which some can be cut."""

    def __init__(self) -> None:
        self.open: set[ConnectionId] = {CONNECTION}
        self.details: list[str] = []
        self.reasons: list[Reason] = []
        self.going_on: list[LiveConnection] = []

    def live(self) -> Sequence[LiveConnection]:
        return self.going_on

    async def cut(self, ids: Collection[ConnectionId], reason: Reason, detail: str = "") -> int:
        found = self.open & set(ids)
        self.open -= found
        self.details += [detail] * len(found)
        self.reasons += [reason] * len(found)
        return len(found)


class Told:
    """What a tenant's decisions are told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []

    async def granted(self, tenant: TenantId, request_id: str) -> None:
        self.heard.append(("granted", tenant, request_id))

    async def denied(self, tenant: TenantId, request_id: str) -> None:
        self.heard.append(("denied", tenant, request_id))

    async def revoked(self, tenant: TenantId, grant_id: GrantId) -> None:
        self.heard.append(("revoked", tenant, grant_id))


@dataclass(frozen=True)
class Stores:
    """Everything that is kept, in memory or in one database."""

    store: Store
    directory: Directory
    accounts: Accounts
    approvals: Approvals
    audit: Audit
    icons: Icons
    provider: Provider


def in_memory() -> Stores:
    store = MemoryStore()
    directory = store.directory
    return Stores(
        store,
        directory,
        MemoryAccounts(directory),
        MemoryApprovals(),
        MemoryAudit(),
        MemoryIcons(directory),
        MemoryProvider(directory),
    )


def in_database(store: SqlStore) -> Stores:
    return Stores(
        store, store.directory, store.accounts, store.approvals, store.audit, store.icons, store.provider
    )


class ApiStage:
    """The API, what is behind it, in memory unless said otherwise, and a bearer for everybody."""

    def __init__(self, folder: Path, stores: Stores | None = None) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        stores = stores or in_memory()
        self.store, self.directory, self.accounts = stores.store, stores.directory, stores.accounts
        self.approvals, self.audit, self.icons = stores.approvals, stores.audit, stores.icons
        self.provider, self.consent_events = stores.provider, Told()
        self.notes, self.orders, self.cuts = Notes(), Orders(), Cuts()
        self.authenticator = Authenticator(
            self.accounts, self.directory, SignInSettings(), now=lambda: self.now
        )
        authority = Authority.open(folder)
        self.api = Api(
            directory=self.directory,
            store=self.store,
            accounts=self.accounts,
            approvals=self.approvals,
            audit=self.audit,
            recorder=self.notes,
            authenticator=self.authenticator,
            icons=self.icons,
            provider=self.provider,
            files=ConnectionFiles(SigningKey.open(authority, "gw.example.org"), ADDRESS),
            connections=self.cuts,
            orders=self.orders,
            consent_events=self.consent_events,
            provider_settings=ProviderSettings(networks=("192.0.2.0/24",)),
            address=ADDRESS,
            ca_pem=authority.certificate_path.read_text(),
            now=lambda: self.now,
        )
        self.app = make_api(self.api)
        self.bearers: dict[str, str] = {}
        self.address = ORIGIN.address
        self.consent_key = HostKey.generate()

    async def fill(self) -> None:
        """Make both tenants, alike but for their ids' tenant."""
        for tenant in (MAIN, ACME):
            await self.directory.save_tenant(Tenant(tenant, tenant.title()))
            for name, role in PEOPLE.items():
                user = User(tenant, UserId(name), UserName(name), role=role)
                user = await self.directory.save(user)
                opened = await self.authenticator.open(user, SignInKind.CLI, "device code", ORIGIN)
                self.bearers[f"{tenant}/{name}"] = opened.secret.reveal()
        await self._publish(MAIN, "")
        await self._publish(ACME, "acme-")
        await self._fill_provider()
        await self._fill_consent(MAIN, "")
        await self._fill_consent(ACME, "acme-")

    async def _fill_provider(self) -> None:
        for user in await save_staff(self.directory, self.provider):
            opened = await self.authenticator.open(user, SignInKind.CLI, "device code", ORIGIN)
            self.bearers[f"provider/{user.id}"] = opened.secret.reveal()

    async def _fill_consent(self, tenant: TenantId, mark: str) -> None:
        """Ask the tenant for two things, of which it has granted the second; all of it goes by one name."""
        for number, name in enumerate(("request", "granted")):
            request = self.request(tenant, f"{mark}{name}", self.now + timedelta(seconds=number))
            await self.provider.ask_consent(request)
        key = self.consent_key.public_bytes
        await self.provider.save_consent_key(ConsentKey(tenant, f"{mark}request", key))
        grant = self.grant(request, f"{mark}request", uses=1)
        text = build(sign(grant, key, self.consent_key.sign))
        await self.provider.save_grant(KeptGrant(tenant, grant.id, request.id, text, grant.until))

    def request(self, tenant: TenantId, id: str, at: datetime) -> ConsentRequest:
        """Return what tess asks of a tenant's host."""
        host = HostId(f"{'' if tenant == MAIN else f'{tenant}-'}{HOST}")
        scope, target = ConsentScope.DESKTOP, "127.0.0.1:3389"
        return ConsentRequest(id, tenant, host, "tess", "technician", scope, target, "printer", at, "T-1")

    def grant(self, request: ConsentRequest, id: str, **more: Any) -> Grant:
        """Return a grant of an hour that answers the request."""
        values: dict[str, Any] = {
            "id": GrantId(id),
            "tenant": request.tenant,
            "host": request.host,
            "staff": request.staff,
            "scopes": frozenset({request.scope}),
            "targets": frozenset({request.target}),
            "purpose": request.purpose,
            "begins_at": self.now,
            "until": self.now + timedelta(hours=1),
            "approved_by": "adam",
        }
        return Grant(**{**values, **more})

    async def _publish(self, tenant: TenantId, mark: str) -> None:
        host, pool = HostId(f"{mark}{HOST}"), PoolId(f"{mark}pool")
        code = JoinCode(TokenHash(f"{mark}code"), "desk", self.now + timedelta(hours=1), tenant=tenant)
        await self.store.save_join_code(code)
        report = HostReport("desk", "Debian", "1", (RdpServer("127.0.0.1:3389", True),))
        await self.store.enrol_host(code.hash, Host(host, "desk", b"k" * 32, self.now), self.now)
        await self.store.save_report(host, report, self.now)
        await self.store.set_link(host, True, self.now)
        save = self.directory.save
        await save(HostPool(tenant, pool, "Pool"))
        await self.directory.save_pool_host(PoolHost(tenant, pool, host))
        workspace = await save(Workspace(tenant, WorkspaceId(f"{mark}work"), "Work"))
        group = ApplicationGroup(tenant, ApplicationGroupId(f"{mark}desktops"), "Desktops", pool)
        await save(replace(group, workspace=workspace.id))
        resource = PublishedResource(
            tenant, ResourceId(f"{mark}office"), group.id, ResourceName("office"), "Office"
        )
        await save(resource)
        await save(Group(tenant, GroupId(f"{mark}staff"), "Staff"))
        await self.directory.assign(UserAssignment(tenant, group.id, UserId("uma")))
        sessions = [
            Session(tenant, host, SessionId(number), UserName(name), SessionState.ACTIVE, self.now)
            for number, name in (("1", "uma"), ("2", "hella"))
        ]
        await self.directory.save_sessions(tenant, host, sessions)
        for name in ("uma", "hella"):
            await self.store.save_connection(self._record(tenant, mark, host, name))
            await self.approvals.ask(self._approval(tenant, mark, name))

    def _record(self, tenant: TenantId, mark: str, host: HostId, name: str) -> ConnectionRecord:
        return ConnectionRecord(
            ConnectionId(f"{mark}c-{name}"),
            self.now,
            "websocket",
            "192.0.2.7",
            tenant=tenant,
            user=UserName(name),
            resource=ResourceName("office"),
            host_id=host,
            totals=Totals(1, 2),
            timeline={Stage.TLS: 1.5},
        )

    def _approval(self, tenant: TenantId, mark: str, name: str) -> Approval:
        return Approval(
            ConnectionId(f"{mark}a-{name}"),
            tenant,
            UserId(name),
            ResourceName("office"),
            Cause.POLICY,
            42,
            "192.0.2.7",
            "pc",
            self.now,
            self.now + timedelta(seconds=60),
        )

    async def token(self, *scopes: Scope, tenant: TenantId = MAIN) -> str:
        """Make an API token and let it be known by its scopes; return its secret."""
        made = await self.authenticator.make_api_token(tenant, "robot", frozenset(scopes), UserName("olga"))
        return made[1].reveal()

    async def ask(
        self, method: str, path: str, by: str | None = "main/adam", *, bearer: str = "", **more: Any
    ) -> httpx.Response:
        """Send one request as somebody, named as `tenant/name`, or nobody."""
        headers = dict(more.pop("headers", {}))
        secret = bearer or (self.bearers[by] if by else "")
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        transport = httpx.ASGITransport(self.app, client=(self.address, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{ADDRESS}") as client:
            return await client.request(method, path, headers=headers, **more)

    async def good(self, method: str, path: str, by: str | None = "main/adam", **more: Any) -> Any:
        """Send one request that must succeed; return what it answered."""
        answer = await self.ask(method, path, by, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def bad(self, method: str, path: str, by: str | None = "main/adam", **more: Any) -> tuple[int, str]:
        """Send one request that must fail with a problem; return its status and reason."""
        answer = await self.ask(method, path, by, **more)
        problem = problem_of(answer)
        return answer.status_code, problem["reason"]


def meanwhile(
    api: ApiStage, patch: pytest.MonkeyPatch, kind: type[E], id: str, change: Callable[[E], E]
) -> None:
    """Let somebody else change a noun right after it is read for the first time."""
    read, waiting = api.directory.get, [change]

    async def get(asked: type[E], tenant: TenantId, wanted: str) -> E | None:
        found = await read(asked, tenant, wanted)
        if found is not None and (asked, wanted) == (kind, id) and waiting:
            await api.directory.save(waiting.pop()(found))
        return found

    patch.setattr(api.directory, "get", get)


def problem_of(answer: httpx.Response) -> Any:
    """Return the problem of an answer, which must be a whole one."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"/reasons#{problem['reason']}"
    assert problem["title"].endswith(".")
    return problem


def names_acme(answer: httpx.Response) -> bool:
    """Say whether an answer has the name of acme, or an id of its, anywhere.

    As a word of its own: a signature, or the id of a token, may by chance have the four letters in a row.
    """
    return re.search(r"\bacme\b", answer.text, re.IGNORECASE) is not None

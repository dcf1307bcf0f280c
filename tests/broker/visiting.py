"""A tenant that is served, a technician who serves it, and a host whose consent is asked."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from dialback.broker.settings import BrokerSettings
from dialback.broker.visits import Visits
from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.consent import ConsentRequest, ConsentScope, Grant
from dialback.domain.contracts import Admission, Attempt, Waker
from dialback.domain.directory import HostStanding
from dialback.domain.errors import Refused
from dialback.domain.ids import ConnectionId, GrantId, HostId, ResourceName, TokenHash, UserId, UserName
from dialback.domain.live import LiveConnection
from dialback.domain.pools import HostPool
from dialback.domain.provider import PROVIDER, KeptGrant, Staff, check_console
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.identity.grants import build, sign
from dialback.store.memory_provider import MemoryProvider
from tests.broker.stores import HOST, KEY, NOW, FailingStore, filled
from tests.broker.test_policing import ScriptedConnections

TOM = UserId("tom")
REQUEST = ConsentRequest(
    id="r1",
    tenant=MAIN,
    host=HOST.id,
    staff="tom",
    role="technician",
    scope=ConsentScope.DESKTOP,
    target="127.0.0.1:3389",
    purpose="the printer",
    asked_at=NOW,
)
GRANT = Grant(
    id=GrantId("g1"),
    tenant=MAIN,
    host=HOST.id,
    staff="tom",
    scopes=frozenset({ConsentScope.DESKTOP}),
    targets=frozenset(),
    purpose="the printer",
    begins_at=NOW,
    until=NOW + timedelta(hours=1),
    approved_by="anna",
)
TEXT = build(sign(GRANT, KEY.public_bytes, KEY.sign))
KEPT = KeptGrant(MAIN, GRANT.id, REQUEST.id, TEXT, GRANT.until)
TOKEN = ConnectionToken(
    TokenHash("f" * 64),
    MAIN,
    TOM,
    UserName("tom"),
    ResourceName(REQUEST.id),
    NOW,
    NOW + timedelta(minutes=10),
    kind=TokenKind.PROVIDER,
)
ATTEMPT = Attempt(ConnectionId("c9"), REQUEST.id, "192.0.2.9")
VISIT = LiveConnection(
    ATTEMPT.connection_id,
    MAIN,
    TOM,
    UserName("provider\\tom"),
    ResourceName(REQUEST.id),
    TOKEN.hash,
    "192.0.2.9",
    HOST.id,
    TokenKind.PROVIDER,
)
USERS = replace(VISIT, id=ConnectionId("c8"), kind=TokenKind.CONNECTION, user_id=UserId("u-anne"))


class ScriptedHosts:
    """Hosts that are up and new enough unless a test says otherwise; keeps what they are told."""

    def __init__(self) -> None:
        self.standing = True
        self.old = ""
        self.told: list[tuple[HostId, GrantId]] = []

    def up(self, host_id: HostId) -> bool:
        return self.standing

    def too_old(self, host_id: HostId) -> str:
        return self.old

    def tell_revoked(self, host_id: HostId, grant_id: GrantId) -> None:
        self.told.append((host_id, grant_id))


class ScriptedWaker(Waker):
    """Wakes what it is told to wake, unless `refusal` is set."""

    def __init__(self, hosts: ScriptedHosts) -> None:
        self.hosts = hosts
        self.woken: list[str] = []
        self.refusal: Refused | None = None

    async def wake(self, pool: HostPool, host: HostStanding) -> None:
        self.woken.append(f"{host.name} of {pool.name}")
        if self.refusal is not None:
            raise self.refusal
        self.hosts.standing = True


class Scene:
    """Everything visits are made of, in memory; `now` moves when a test says so."""

    def __init__(self, store: FailingStore, provider: MemoryProvider) -> None:
        self.store = store
        self.provider = provider
        self.hosts = ScriptedHosts()
        self.waker = ScriptedWaker(self.hosts)
        self.connections = ScriptedConnections()
        self.now = NOW
        self.visits = self.make()

    def make(self, **settings: Any) -> Visits:
        return Visits(
            self.store,
            self.provider,
            self.hosts,
            self.connections,
            partial(check_console, networks=["192.0.2.0/24"], outside=False),
            self.waker,
            BrokerSettings(**settings),
            self.clock,
            look_every_s=0.01,
            ask_host_every_s=30,
        )

    def clock(self) -> datetime:
        return self.now

    async def admit(self) -> Admission:
        return await self.visits.admit(TOKEN)


async def scene() -> Scene:
    store = await filled()
    directory = store._directory
    await directory.save_tenant(Tenant(PROVIDER, "Provider"))
    await directory.save(User(PROVIDER, TOM, UserName("tom")))
    provider = MemoryProvider(directory)
    await provider.save_staff(Staff(TOM, tenants=frozenset({MAIN})))
    await provider.ask_consent(REQUEST)
    await store.save_token(TOKEN)
    return Scene(store, provider)

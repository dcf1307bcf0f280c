"""The directory in memory: for tests and trials, forgotten at the end of the process.

No method lets another run between reading and writing, so each is atomic within its event loop. It belongs to
a `MemoryStore`, whose hosts it reads.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from dialback.domain.catalog import (
    ApplicationGroup,
    GroupAssignment,
    PublishedResource,
    UserAssignment,
    Workspace,
)
from dialback.domain.directory import (
    MAX_PAGE,
    E,
    HostStanding,
    KindDiffers,
    NameTaken,
    NotThere,
    Page,
    Published,
    StillUsed,
    VersionStale,
    check_reporter,
    cursor_of,
    key_at,
    session_key,
)
from dialback.domain.errors import Reason, Refused
from dialback.domain.health import Check
from dialback.domain.hosts import Host
from dialback.domain.ids import (
    ApplicationGroupId,
    GroupId,
    HostId,
    PoolId,
    ResourceName,
    TenantId,
    UserId,
    UserName,
    WorkspaceId,
)
from dialback.domain.names import key_of
from dialback.domain.pools import HostPool, PoolHost, pool_of_its_own, with_its_id
from dialback.domain.sessions import EVERY_SESSION, Session, SessionFilter, is_session_of
from dialback.domain.tenancy import MAIN, Group, Tenant, User

T = TypeVar("T")
Key = tuple[type, str, str]
"""Kind, tenant and id."""


class MemoryDirectory:
    """Implements `Directory`; see there for what each method promises."""

    def __init__(self, hosts: Mapping[HostId, Host]) -> None:
        self._hosts = hosts
        self._tenants = {MAIN: Tenant(MAIN, "Main", version=1)}
        self._nouns: dict[Key, Any] = {}
        self._members: set[tuple[TenantId, GroupId, UserId]] = set()
        self._assigned: set[UserAssignment | GroupAssignment] = set()
        self._pool_hosts: dict[tuple[TenantId, HostId], PoolHost] = {}
        self._health: dict[tuple[TenantId, HostId], frozenset[Check]] = {}
        self._sessions: dict[tuple[TenantId, HostId], tuple[Session, ...]] = {}

    async def save_tenant(self, tenant: Tenant) -> Tenant:
        kept = replace(tenant, version=_next_version(self._tenants.get(tenant.id), tenant.version))
        self._tenants[tenant.id] = kept
        return kept

    async def tenant(self, tenant: TenantId) -> Tenant | None:
        return self._tenants.get(tenant)

    async def tenants(self) -> Sequence[Tenant]:
        return [self._tenants[tenant] for tenant in sorted(self._tenants)]

    async def save(self, noun: E) -> E:
        kind = type(noun)
        key = (kind, noun.tenant, noun.id)
        version = _next_version(self._nouns.get(key), noun.version)
        named = await self.find(kind, noun.tenant, noun.name)
        if named is not None and named.id != noun.id:
            raise NameTaken("another one has this name; choose a different one")
        self._need(noun.tenant in self._tenants, *_references(noun))
        self._check_kind(noun)
        self._nouns[key] = replace(noun, version=version)
        kept: E = self._nouns[key]
        return kept

    async def get(self, kind: type[E], tenant: TenantId, id: str) -> E | None:
        return self._nouns.get((kind, tenant, id))

    async def some(self, kind: type[E], tenant: TenantId, ids: Collection[str]) -> dict[str, E]:
        return {noun.id: noun for noun in self._all(kind, tenant) if noun.id in ids}

    async def find(self, kind: type[E], tenant: TenantId, name: str) -> E | None:
        return next((noun for noun in self._all(kind, tenant) if key_of(noun.name) == key_of(name)), None)

    async def page(
        self, kind: type[E], tenant: TenantId, after: str = "", limit: int = 100, prefix: str = ""
    ) -> Page[E]:
        begin = key_of(prefix)
        found = [noun for noun in self._all(kind, tenant) if key_of(noun.name).startswith(begin)]
        return _page(found, after, limit)

    async def count(self, kind: type[E], tenant: TenantId) -> int:
        return sum(1 for _ in self._all(kind, tenant))

    async def remove(self, kind: type[E], tenant: TenantId, id: str) -> bool:
        key: Key = (kind, tenant, id)
        if key not in self._nouns:
            return False
        others: list[Any] = [other for other in self._nouns.values() if key in _references(other)]
        relied_on = {
            used
            for host in self._pool_hosts.values()
            for used in ((HostPool, host.tenant, host.pool), (User, host.tenant, host.owner))
        }
        if key in relied_on or any(not isinstance(other, PublishedResource) for other in others):
            raise StillUsed("something still refers to it; remove that, or change what it refers to")
        for each in [self._nouns[key], *others]:
            del self._nouns[type(each), each.tenant, each.id]
        self._members = {one for one in self._members if key not in _member_references(one)}
        self._assigned = {one for one in self._assigned if key not in _assignment_references(one)}
        return True

    async def join(self, tenant: TenantId, group: GroupId, user: UserId) -> None:
        member = (tenant, group, user)
        self._need(True, *_member_references(member))
        self._members.add(member)

    async def leave(self, tenant: TenantId, group: GroupId, user: UserId) -> None:
        self._members.discard((tenant, group, user))

    async def groups_of(self, tenant: TenantId, user: UserId) -> Sequence[Group]:
        return [group for group in self._all(Group, tenant) if (tenant, group.id, user) in self._members]

    async def members(
        self, tenant: TenantId, group: GroupId, after: str = "", limit: int = 100
    ) -> Page[User]:
        inside = [user for user in self._all(User, tenant) if (tenant, group, user.id) in self._members]
        return _page(inside, after, limit)

    async def assign(self, assignment: UserAssignment | GroupAssignment) -> None:
        self._need(True, *_assignment_references(assignment))
        self._assigned.add(assignment)

    async def unassign(self, assignment: UserAssignment | GroupAssignment) -> bool:
        known = assignment in self._assigned
        self._assigned.discard(assignment)
        return known

    async def assignments(
        self, tenant: TenantId, application_group: ApplicationGroupId
    ) -> Sequence[UserAssignment | GroupAssignment]:
        mine = [
            one
            for one in self._assigned
            if (one.tenant, one.application_group) == (tenant, application_group)
        ]
        return sorted(mine, key=_assignee)

    async def resources_in(
        self, tenant: TenantId, application_group: ApplicationGroupId, after: str = "", limit: int = 100
    ) -> Page[PublishedResource]:
        everything = self._all(PublishedResource, tenant)
        return _page(
            [each for each in everything if each.application_group == application_group], after, limit
        )

    async def save_pool_host(self, member: PoolHost) -> None:
        owner = [(User, member.tenant, member.owner)] if member.owner else []
        self._need(
            self._host(member.tenant, member.host) is not None,
            (HostPool, member.tenant, member.pool),
            *owner,
        )
        self._pool_hosts[member.tenant, member.host] = member

    async def remove_pool_host(self, tenant: TenantId, host: HostId) -> bool:
        return self._pool_hosts.pop((tenant, host), None) is not None

    async def pool_host(self, tenant: TenantId, host: HostId) -> PoolHost | None:
        return self._pool_hosts.get((tenant, host))

    async def pool_hosts(self, tenant: TenantId, pool: PoolId) -> Sequence[PoolHost]:
        mine = [host for host in self._pool_hosts.values() if (host.tenant, host.pool) == (tenant, pool)]
        return sorted(mine, key=lambda member: member.host)

    async def claim_host(self, tenant: TenantId, host: HostId, user: UserId) -> bool:
        member = self._pool_hosts.get((tenant, host))
        if member is None or member.owner not in (None, user):
            return False
        if member.owner is None and self._owns_in(tenant, member.pool, user):
            return False
        self._need(True, (User, tenant, user))
        self._pool_hosts[tenant, host] = replace(member, owner=user)
        return True

    async def save_health(self, tenant: TenantId, host: HostId, failed: Iterable[Check]) -> None:
        self._health[tenant, host] = frozenset(failed)

    async def save_sessions(self, tenant: TenantId, host: HostId, sessions: Iterable[Session]) -> None:
        listed = {session.id: session for session in sessions}
        check_reporter(tenant, host, listed.values())
        if listed:
            found = self._host(tenant, host)
            self._need(found is not None and found.revoked_at is None)
        self._sessions[tenant, host] = tuple(sorted(listed.values(), key=lambda session: session.id))

    async def sessions(self, tenant: TenantId, host: HostId | None = None) -> Sequence[Session]:
        return [
            session
            for (its_tenant, its_host), listed in sorted(self._sessions.items())
            for session in listed
            if its_tenant == tenant and host in (None, its_host)
        ]

    async def session_page(
        self, tenant: TenantId, wanted: SessionFilter = EVERY_SESSION, after: str = "", limit: int = 100
    ) -> Page[Session]:
        found = [session for session in await self._going_on(tenant, wanted.host) if wanted.wants(session)]
        return _page(found, after, limit, _session_key)

    async def count_sessions(self, tenant: TenantId) -> int:
        return len(await self._going_on(tenant))

    async def sessions_of(self, tenant: TenantId, user: UserName) -> Sequence[Session]:
        return [session for session in await self.sessions(tenant) if is_session_of(session, user)]

    async def resources_of(
        self, tenant: TenantId, user: UserId, workspace: WorkspaceId | None = None
    ) -> Sequence[PublishedResource]:
        mine = []
        for resource in self._all(PublishedResource, tenant):
            group: ApplicationGroup = self._nouns[ApplicationGroup, tenant, resource.application_group]
            shown = workspace is None or group.workspace == workspace
            if shown and self._may_use(tenant, user, group.id):
                mine.append(resource)
        return mine

    async def published(self, tenant: TenantId, user: UserId, name: ResourceName) -> Published | None:
        resource = await self.find(PublishedResource, tenant, name)
        if resource is None or not self._may_use(tenant, user, resource.application_group):
            return None
        group: ApplicationGroup = self._nouns[ApplicationGroup, tenant, resource.application_group]
        return Published(resource, group, self._nouns[HostPool, tenant, group.pool])

    async def standings(self, tenant: TenantId, pool: PoolId, user: UserName) -> Sequence[HostStanding]:
        found = []
        for member in await self.pool_hosts(tenant, pool):
            host = self._host(tenant, member.host)
            if host is None or host.revoked_at is not None:
                continue
            listed = await self.sessions(tenant, member.host)
            mine = tuple(session for session in listed if is_session_of(session, user))
            failed = self._health.get((tenant, host.id), frozenset())
            standing = HostStanding(
                member, host.name, host.public_key, host.link_up, failed, len(listed), mine
            )
            found.append(standing)
        return found

    async def all_standings(self, tenant: TenantId) -> Sequence[HostStanding]:
        pools = {member.pool for member in self._pool_hosts.values() if member.tenant == tenant}
        found = [each for pool in pools for each in await self.standings(tenant, pool, UserName(""))]
        return sorted(found, key=lambda standing: standing.member.host)

    def take_in(self, host: Host, pool_id: PoolId | None) -> None:
        """Put a host that is about to be kept into the pool, or into a new one of its own."""
        self._need(host.tenant in self._tenants)
        if pool_id is None:
            pool = pool_of_its_own(host.tenant, host.id, host.name)
            if any(key_of(each.name) == key_of(pool.name) for each in self._all(HostPool, host.tenant)):
                pool = with_its_id(pool)
            self._nouns[HostPool, host.tenant, pool.id] = replace(pool, version=1)
            pool_id = pool.id
        elif (HostPool, host.tenant, pool_id) not in self._nouns:
            raise Refused(Reason.JOIN_CODE_POOL_GONE, pool_id)
        self._pool_hosts[host.tenant, host.id] = PoolHost(host.tenant, pool_id, host.id)

    def _all(self, kind: type[E], tenant: TenantId) -> Iterator[E]:
        """Give the nouns of a kind by name."""
        mine = [noun for key, noun in self._nouns.items() if key[:2] == (kind, tenant)]
        yield from sorted(mine, key=lambda noun: key_of(noun.name))

    def _owns_in(self, tenant: TenantId, pool: PoolId, user: UserId) -> bool:
        """Say whether the user has a host in the pool that is not revoked."""
        theirs = (tenant, pool, user)
        mine = [each for each in self._pool_hosts.values() if (each.tenant, each.pool, each.owner) == theirs]
        return any(self._hosts[each.host].revoked_at is None for each in mine)

    async def _going_on(self, tenant: TenantId, host: HostId | None = None) -> Sequence[Session]:
        """Return the sessions of hosts whose link is up, or of the one host, by host and id."""
        return [each for each in await self.sessions(tenant, host) if self._hosts[each.host].link_up]

    def _host(self, tenant: TenantId, host_id: HostId) -> Host | None:
        host = self._hosts.get(host_id)
        return host if host is not None and host.tenant == tenant else None

    def _check_kind(self, noun: Any) -> None:
        """Raise `KindDiffers` unless resources are of the kind of their group."""
        if isinstance(noun, PublishedResource):
            group = self._nouns[ApplicationGroup, noun.tenant, noun.application_group]
            differ = group.kind is not noun.kind
        elif isinstance(noun, ApplicationGroup):
            resources = self._all(PublishedResource, noun.tenant)
            differ = any(
                each.application_group == noun.id and each.kind is not noun.kind for each in resources
            )
        else:
            differ = False
        if differ:
            raise KindDiffers("a desktop and a RemoteApp cannot be in one application group; make another")

    def _may_use(self, tenant: TenantId, user_id: UserId, group: ApplicationGroupId) -> bool:
        user: User | None = self._nouns.get((User, tenant, user_id))
        if user is None or user.disabled_at is not None:
            return False
        mine = {member[1] for member in self._members if (member[0], member[2]) == (tenant, user_id)}
        through = any(GroupAssignment(tenant, group, each) in self._assigned for each in mine)
        return through or UserAssignment(tenant, group, user_id) in self._assigned

    def _need(self, there: bool, *keys: Key) -> None:
        """Raise `NotThere` unless all is there."""
        if not there or any(key not in self._nouns for key in keys):
            raise NotThere("what it refers to is not in the tenant")


def _next_version(known: Any, version: int) -> int:
    current = known.version if known is not None else 0
    if version not in (0, current):
        raise VersionStale("it was changed or removed in the meantime; read it again, then change it")
    return int(current) + 1


def _references(noun: Any) -> list[Key]:
    """Return what a noun cannot be without."""
    if isinstance(noun, PublishedResource):
        return [(ApplicationGroup, noun.tenant, noun.application_group)]
    if isinstance(noun, ApplicationGroup):
        workspace = [(Workspace, noun.tenant, noun.workspace)] if noun.workspace else []
        return [(HostPool, noun.tenant, noun.pool), *workspace]
    return []


def _member_references(member: tuple[TenantId, GroupId, UserId]) -> list[Key]:
    tenant, group, user = member
    return [(Group, tenant, group), (User, tenant, user)]


def _assignment_references(assignment: UserAssignment | GroupAssignment) -> list[Key]:
    group: Key = (ApplicationGroup, assignment.tenant, assignment.application_group)
    if isinstance(assignment, UserAssignment):
        return [group, (User, assignment.tenant, assignment.user)]
    return [group, (Group, assignment.tenant, assignment.group)]


def _assignee(assignment: UserAssignment | GroupAssignment) -> tuple[bool, str]:
    if isinstance(assignment, UserAssignment):
        return False, assignment.user
    return True, assignment.group


def _name_key(noun: Any) -> str:
    return key_of(noun.name)


def _session_key(session: Session) -> str:
    return session_key(session.host, session.id)


def _page(nouns: Sequence[T], after: str, limit: int, key: Callable[[T], str] = _name_key) -> Page[T]:
    begin = key_at(after) if after else ""
    rest = [noun for noun in nouns if not after or key(noun) > begin]
    size = max(1, min(limit, MAX_PAGE))
    last = rest[:size][-1:] if len(rest) > size else []
    return Page(tuple(rest[:size]), cursor_of(key(last[0])) if last else "")

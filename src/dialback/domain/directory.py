"""The directory: who there is, what is published, and who may use it, behind one interface.

It has one suite that every implementation passes (`tests/contracts/test_directory.py`). A store that cannot
answer raises `StoreUnavailable`; what cannot be kept raises one of the kinds of `Problem` below.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from dialback.domain.catalog import (
    ApplicationGroup,
    GroupAssignment,
    PublishedResource,
    UserAssignment,
    Workspace,
)
from dialback.domain.errors import Problem
from dialback.domain.health import Check
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
from dialback.domain.pools import HostPool, PoolHost
from dialback.domain.sessions import EVERY_SESSION, Session, SessionFilter
from dialback.domain.tenancy import Group, Tenant, User

T = TypeVar("T")
E = TypeVar("E", User, Group, Workspace, HostPool, ApplicationGroup, PublishedResource)
"""A noun of the directory that has an id and a name in its tenant."""

MAX_PAGE = 500


class NameTaken(Problem):
    """Another of the same kind in the tenant has this name, or one that differs in case alone."""


class NotThere(Problem):
    """What the noun refers to is not in its tenant."""


class StillUsed(Problem):
    """Something else refers to what was to be removed."""


class KindDiffers(Problem):
    """A resource and its application group are of different kinds."""


class VersionStale(Problem):
    """The noun was changed or removed since the caller read it."""


class CursorInvalid(Problem):
    """The cursor was not made by this directory."""


def cursor_of(key: str) -> str:
    """Return the cursor of the page that begins after the key."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_at(cursor: str) -> str:
    """Return the key that a cursor stands for; raise `CursorInvalid` if it can be none."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise CursorInvalid("the cursor is damaged; begin with the first page") from None


def session_key(host: str, id: str) -> str:
    """Return the key by which sessions are paged."""
    return f"{host}\n{id}"


def check_reporter(tenant: TenantId, host: HostId, sessions: Iterable[Session]) -> None:
    """Raise `ValueError` unless every session is of the host."""
    for session in sessions:
        if (session.tenant, session.host) != (tenant, host):
            raise ValueError(f"expected sessions of host {host}, got one of {session.host}")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list; `after` is the cursor with which the rest is asked for, empty at the end."""

    items: tuple[T, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """A resource the user may use, and what it is published by."""

    resource: PublishedResource
    application_group: ApplicationGroup
    pool: HostPool


@dataclass(frozen=True, slots=True)
class HostStanding:
    """What is kept of a host that a placement needs to know.

    `link_up` and `failed` are the newest kept; the broker knows better of its own links. `sessions` counts
    those of everybody, `of_user` holds those of the user who was asked about.
    """

    member: PoolHost
    name: str
    public_key: bytes
    link_up: bool = False
    failed: frozenset[Check] = frozenset()
    sessions: int = 0
    of_user: tuple[Session, ...] = ()


class Directory(Protocol):
    """Who there is, what is published, and who may use it.

    Every question names its tenant and is answered from that tenant alone, whatever ids it carries. Saving is
    declarative: it makes what is not there and replaces what is, and doing it twice is the same as once.
    """

    async def save_tenant(self, tenant: Tenant) -> Tenant:
        """Keep the tenant; see `save`."""

    async def tenant(self, tenant: TenantId) -> Tenant | None:
        """Return the tenant of that id."""

    async def tenants(self) -> Sequence[Tenant]:
        """Return every tenant, by id."""

    async def save(self, noun: E) -> E:
        """Keep the noun in place of the one of its tenant and id; return it with its new version.

        Raises:
            NameTaken: another has the name.
            NotThere: it refers to something that its tenant does not have, or the tenant is not there.
            KindDiffers: a desktop in a group of RemoteApps, or the other way round.
            VersionStale: it has a version, and it is not the newest.
        """

    async def get(self, kind: type[E], tenant: TenantId, id: str) -> E | None:
        """Return the noun of that id."""

    async def some(self, kind: type[E], tenant: TenantId, ids: Collection[str]) -> dict[str, E]:
        """Return by its id each noun that has one of these ids: one question, however many there are."""

    async def find(self, kind: type[E], tenant: TenantId, name: str) -> E | None:
        """Return the noun of that name, in whatever case."""

    async def page(
        self, kind: type[E], tenant: TenantId, after: str = "", limit: int = 100, prefix: str = ""
    ) -> Page[E]:
        """Return nouns by name, from the cursor on, `limit` at most and never more than `MAX_PAGE`.

        Args:
            prefix: how their names begin, in whatever case.

        Raises:
            CursorInvalid: `after` is neither empty nor what a page said.
        """

    async def count(self, kind: type[E], tenant: TenantId) -> int:
        """Return how many nouns of the kind there are."""

    async def remove(self, kind: type[E], tenant: TenantId, id: str) -> bool:
        """Remove the noun, its memberships and assignments, and the resources of an application group.

        Returns:
            False if there was none.

        Raises:
            StillUsed: hosts or application groups refer to it, or a host is the user's own.
        """

    async def join(self, tenant: TenantId, group: GroupId, user: UserId) -> None:
        """Make the user a member of the group; raise `NotThere` if either is not there."""

    async def leave(self, tenant: TenantId, group: GroupId, user: UserId) -> None:
        """End the membership, if there is one."""

    async def groups_of(self, tenant: TenantId, user: UserId) -> Sequence[Group]:
        """Return the groups of the user, by name."""

    async def members(
        self, tenant: TenantId, group: GroupId, after: str = "", limit: int = 100
    ) -> Page[User]:
        """Return members of the group as `page` does."""

    async def assign(self, assignment: UserAssignment | GroupAssignment) -> None:
        """Keep the assignment; raise `NotThere` if one of the two is not there."""

    async def unassign(self, assignment: UserAssignment | GroupAssignment) -> bool:
        """Take the assignment back; False if there was none."""

    async def assignments(
        self, tenant: TenantId, application_group: ApplicationGroupId
    ) -> Sequence[UserAssignment | GroupAssignment]:
        """Return who is assigned the application group: users by id, then groups by id."""

    async def resources_in(
        self, tenant: TenantId, application_group: ApplicationGroupId, after: str = "", limit: int = 100
    ) -> Page[PublishedResource]:
        """Return resources of the application group as `page` does."""

    async def save_pool_host(self, member: PoolHost) -> None:
        """Keep the membership; a host in another pool moves. Raise `NotThere` for host, pool or owner."""

    async def remove_pool_host(self, tenant: TenantId, host: HostId) -> bool:
        """Take the host out of its pool; False if it is in none."""

    async def pool_host(self, tenant: TenantId, host: HostId) -> PoolHost | None:
        """Return the host's membership in its pool."""

    async def pool_hosts(self, tenant: TenantId, pool: PoolId) -> Sequence[PoolHost]:
        """Return the members of the pool, revoked hosts included, by host id."""

    async def claim_host(self, tenant: TenantId, host: HostId, user: UserId) -> bool:
        """Make a host the user's own; False if it is another's, or they have another in its pool.

        Of several who ask for one host at once, one gets it, and who asks for several at once gets one. A
        revoked host is not one that they have.
        """

    async def save_health(self, tenant: TenantId, host: HostId, failed: Iterable[Check]) -> None:
        """Keep which checks fail on the host now."""

    async def save_sessions(self, tenant: TenantId, host: HostId, sessions: Iterable[Session]) -> None:
        """Keep the host's sessions in place of all it had.

        Raises:
            NotThere: there are sessions, and the tenant has no such host, or it is revoked.
            ValueError: a session is of another tenant or host.
        """

    async def sessions(self, tenant: TenantId, host: HostId | None = None) -> Sequence[Session]:
        """Return the sessions of the host, or of all, by host and id."""

    async def session_page(
        self, tenant: TenantId, wanted: SessionFilter = EVERY_SESSION, after: str = "", limit: int = 100
    ) -> Page[Session]:
        """Return the sessions that are wanted by host and id, as `page` does, of hosts whose link is up.

        What another host listed last may have ended with the machine.
        """

    async def count_sessions(self, tenant: TenantId) -> int:
        """Return how many sessions there are on hosts whose link is up."""

    async def sessions_of(self, tenant: TenantId, user: UserName) -> Sequence[Session]:
        """Return the sessions of the user, by host and id."""

    async def resources_of(
        self, tenant: TenantId, user: UserId, workspace: WorkspaceId | None = None
    ) -> Sequence[PublishedResource]:
        """Return what the user may use, by alias; nothing if the user is disabled."""

    async def published(self, tenant: TenantId, user: UserId, name: ResourceName) -> Published | None:
        """Return the resource of that alias if the user may use it now."""

    async def standings(self, tenant: TenantId, pool: PoolId, user: UserName) -> Sequence[HostStanding]:
        """Return the hosts of the pool that are not revoked, by id, with the sessions of the user."""

    async def all_standings(self, tenant: TenantId) -> Sequence[HostStanding]:
        """Return the hosts of every pool that are not revoked, by id, with nobody's sessions."""


async def every(directory: Directory, kind: type[E], tenant: TenantId) -> AsyncIterator[E]:
    """Give every noun of the kind by name, read page by page: never more than `MAX_PAGE` are held."""
    after = ""
    while True:
        page = await directory.page(kind, tenant, after, MAX_PAGE)
        for noun in page.items:
            yield noun
        if not (after := page.after):
            return

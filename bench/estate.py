"""An estate of the size that is promised: who works there, what is published to them, and where it runs.

10,000 users in 100 teams, each in one to three of them; 100 application groups of ten resources, each in one
of the pools, 20 of them with desktops and 80 with apps that open files; a team is assigned one or two of
the application groups, so that an ordinary user sees 10 to 50 resources. One user is assigned everything.
500 hosts, each with ten sessions. The rows are written in bulk: through the directory it would take minutes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import create_async_engine

from dialback.domain.accounts import WorkspacePassword
from dialback.domain.catalog import (
    ApplicationGroup,
    ApplicationGroupKind,
    GroupAssignment,
    PublishedResource,
    RemoteApp,
    UserAssignment,
    Workspace,
)
from dialback.domain.hosts import Host
from dialback.domain.ids import (
    ApplicationGroupId,
    GroupId,
    HostId,
    PoolId,
    ResourceId,
    ResourceName,
    SessionId,
    TenantId,
    UserId,
    UserName,
    WorkspaceId,
)
from dialback.domain.pools import HostPool, PoolHost
from dialback.domain.secret import Secret
from dialback.domain.sessions import Session, SessionState
from dialback.domain.tenancy import MAIN, Group, User
from dialback.identity.workspace_passwords import nt_hash
from dialback.store import accounts_models, directory_rows
from dialback.store import directory_models as models
from dialback.store.accounts_rows import workspace_password_row
from dialback.store.models import hosts as host_table

USERS = 10_000
RESOURCES = 1_000
HOSTS = 500
POOLS = 20
APPLICATION_GROUPS = 100
TEAMS = 100
SESSIONS_PER_HOST = 10
ALL = UserName("everything")
"""The user who may use every resource."""
SAMPLED = 200
"""So many users, spread over all, have a workspace password."""

_NOW = datetime.now(UTC)
_EACH = RESOURCES // APPLICATION_GROUPS


@dataclass(frozen=True, slots=True)
class Seat:
    """A user, and one resource that the user may use."""

    user: UserId
    name: UserName
    resource: ResourceName


async def fill(url: str, pools: int = POOLS) -> None:
    """Write the estate into a database that has its schema; all hosts are in `pools` pools.

    Args:
        url: as `store.open.open_store` takes it.
    """
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    scheme, _, rest = url.partition(":")
    engine = create_async_engine(f"{drivers[scheme]}:{rest}")
    try:
        async with engine.begin() as connection:
            for table, rows in _rows(pools):
                await connection.execute(insert(table), rows)
    finally:
        await engine.dispose()


def sampled() -> list[UserName]:
    """Return ordinary users that have a workspace password."""
    return [_user_name(number) for number in range(0, USERS, USERS // SAMPLED)]


def password_of(name: UserName) -> Secret:
    """Return the workspace password of a user."""
    return Secret(hashlib.sha256(name.encode()).hexdigest()[:24])


def seats(count: int) -> list[Seat]:
    """Return so many users, spread over all, each with a resource of theirs."""
    chosen = []
    for number in range(0, USERS, max(1, USERS // count)):
        mine = [group for team in _teams_of(number) for group in _assigned_to(team)]
        resource = _resource(mine[number % len(mine)] * _EACH + number % _EACH)
        chosen.append(Seat(UserId(f"u{number}"), _user_name(number), resource.name))
    return chosen[:count]


def resources_of(number: int) -> int:
    """Return how many resources an ordinary user sees."""
    return _EACH * len({group for team in _teams_of(number) for group in _assigned_to(team)})


def _rows(pools: int) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Yield every table's rows in an order that the foreign keys allow."""
    everything = User(MAIN, UserId("all"), ALL)
    users = [User(MAIN, UserId(f"u{number}"), _user_name(number)) for number in range(USERS)]
    yield from _nouns([everything, *users])
    yield from _nouns([Group(MAIN, GroupId(f"team{team}"), f"Team {team}") for team in range(TEAMS)])
    yield from _nouns([Workspace(MAIN, WorkspaceId("office"), "Office", "What the office needs")])
    yield from _nouns([HostPool(MAIN, _pool(number), f"Pool {number}") for number in range(pools)])
    yield from _nouns([_application_group(number, pools) for number in range(APPLICATION_GROUPS)])
    yield from _nouns([_resource(number) for number in range(RESOURCES)])
    yield (
        models.group_members,
        [
            {"tenant": MAIN, "group": f"team{team}", "user": f"u{number}"}
            for number in range(USERS)
            for team in _teams_of(number)
        ],
    )
    yield (
        models.group_assignments,
        [
            asdict(GroupAssignment(MAIN, _group(group), GroupId(f"team{team}")))
            for team in range(TEAMS)
            for group in _assigned_to(team)
        ],
    )
    yield (
        models.user_assignments,
        [asdict(UserAssignment(MAIN, _group(number), everything.id)) for number in range(APPLICATION_GROUPS)],
    )
    yield host_table, [asdict(_host(number)) for number in range(HOSTS)]
    yield (
        models.pool_hosts,
        [asdict(PoolHost(MAIN, _pool(number % pools), _host_id(number))) for number in range(HOSTS)],
    )
    yield models.sessions, [directory_rows.session_row(session) for session in _sessions()]
    yield (
        accounts_models.workspace_passwords,
        [workspace_password_row(_password(user)) for user in [everything, *users[:: USERS // SAMPLED]]],
    )


def _nouns(nouns: Sequence[Any]) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    rows = [{**directory_rows.row_of(noun), "version": 1} for noun in nouns]
    yield directory_rows.TABLES[type(nouns[0])], rows


def _user_name(number: int) -> UserName:
    return UserName(f"person{number:05}@corp.example")


def _teams_of(number: int) -> list[int]:
    """Return the teams of a user: one, two or three."""
    teams = [number % TEAMS, (number * 7 + 3) % TEAMS, (number * 11 + 5) % TEAMS]
    return sorted(set(teams[: 1 + number % 3]))


def _assigned_to(team: int) -> list[int]:
    """Return the application groups of a team: one or two, so that three teams have six at most."""
    groups = [team, (team * 3 + 1) % APPLICATION_GROUPS]
    return sorted(set(groups[: 1 + team % 2]))


def _pool(number: int) -> PoolId:
    return PoolId(f"pool{number}")


def _group(number: int) -> ApplicationGroupId:
    return ApplicationGroupId(f"apps{number}")


def _application_group(number: int, pools: int) -> ApplicationGroup:
    kind = ApplicationGroupKind.REMOTE_APP if number % 5 else ApplicationGroupKind.DESKTOP
    name = f"Group {number}"
    return ApplicationGroup(MAIN, _group(number), name, _pool(number % pools), kind, WorkspaceId("office"))


def _resource(number: int) -> PublishedResource:
    group = number // _EACH
    app = RemoteApp(f"C:\\Program Files\\Vendor {number}\\app{number}.exe", "", "", (".abc", f".x{number}"))
    return PublishedResource(
        MAIN,
        ResourceId(f"r{number}"),
        _group(group),
        ResourceName(f"resource-{number}"),
        f"Resource {number} & Söhne",
        remote_app=app if group % 5 else None,
        folders=(f"Folder {group % 7}",) if group % 2 else (),
    )


def _host_id(number: int) -> HostId:
    return HostId(f"host{number:04}")


def _host(number: int) -> Host:
    key = hashlib.sha256(str(number).encode()).digest()
    return Host(_host_id(number), f"rdsh{number}", key, _NOW, link_up=True, tenant=TenantId(MAIN))


def _sessions() -> Iterator[Session]:
    states = (SessionState.ACTIVE, SessionState.DISCONNECTED)
    for number in range(HOSTS * SESSIONS_PER_HOST):
        host, user = _host_id(number % HOSTS), _user_name(number * 2)
        yield Session(MAIN, host, SessionId(f"s{number}"), user, states[number % 2], _NOW)


def _password(user: User) -> WorkspacePassword:
    return WorkspacePassword(MAIN, f"p-{user.id}", user.id, "Laptop", nt_hash(password_of(user.name)), _NOW)

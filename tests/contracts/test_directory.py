"""The contract of `Directory`: one suite that every implementation passes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialback.domain.catalog import (
    ApplicationGroup,
    ApplicationGroupKind,
    GroupAssignment,
    PublishedResource,
    RemoteApp,
    UserAssignment,
    Workspace,
)
from dialback.domain.contracts import Store
from dialback.domain.directory import (
    MAX_PAGE,
    CursorInvalid,
    Directory,
    HostStanding,
    KindDiffers,
    NameTaken,
    NotThere,
    Published,
    StillUsed,
    VersionStale,
    every,
)
from dialback.domain.health import Check
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import (
    ApplicationGroupId,
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
from dialback.domain.names import key_of
from dialback.domain.pools import (
    HostPool,
    LoadBalancing,
    PersonalAssignment,
    PoolHost,
    PoolKind,
    Redirection,
    StartOnConnect,
    StepUp,
    WakeMethod,
)
from dialback.domain.records import users_of
from dialback.domain.sessions import EVERY_SESSION, Session, SessionFilter, SessionState
from dialback.domain.tenancy import Group, Role, Tenant, User
from tests.contracts.openers import OPENERS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACME, OTHER = TenantId("acme"), TenantId("other")
ANNA = User(ACME, UserId("u1"), UserName("anna@acme.example"), "Änne 𝄞", Role.HELPDESK)
BEN = User(ACME, UserId("u2"), UserName("ben"), disabled_at=NOW)
STAFF = Group(ACME, GroupId("g1"), "Staff", Role.ADMINISTRATOR)
SPACE = Workspace(ACME, WorkspaceId("w1"), "Acme", "What we use")
POOL = HostPool(ACME, PoolId("p1"), "Office")
FULL_POOL = HostPool(
    ACME,
    PoolId("p2"),
    "Personal",
    PoolKind.PERSONAL,
    LoadBalancing.DEPTH_FIRST,
    7,
    PersonalAssignment.DIRECT,
    StartOnConnect(WakeMethod.WEBHOOK, "https://vm.example/wake", 30),
    frozenset(Redirection),
    False,
    StepUp(True, 30, 8),
)
DESKTOPS = ApplicationGroup(ACME, ApplicationGroupId("a1"), "Desktops", POOL.id, workspace=SPACE.id)
APPS = ApplicationGroup(ACME, ApplicationGroupId("a2"), "Apps", POOL.id, ApplicationGroupKind.REMOTE_APP)
DESKTOP = PublishedResource(ACME, ResourceId("r1"), DESKTOPS.id, ResourceName("office"), "Office desktop")
EDITOR = PublishedResource(
    ACME,
    ResourceId("r2"),
    APPS.id,
    ResourceName("editor"),
    "Editor <b>",
    "unix:/run/xrdp.sock",
    RemoteApp("||notepad", '"%1"', "C:\\Users", (".txt", ".log")),
    "icon-1",
    ("Büro", "Tools"),
    False,
)
NOUNS: list[Any] = [ANNA, BEN, STAFF, SPACE, POOL, FULL_POOL, DESKTOPS, APPS, DESKTOP, EDITOR]
SESSION = Session(
    ACME, HostId("h1"), SessionId("1"), UserName("ACME\\Anna"), SessionState.DISCONNECTED, NOW, True
)


@dataclass
class World:
    """A directory, and the store that knows its hosts."""

    store: Store
    directory: Directory

    async def enrol(self, host_id: str, tenant: TenantId = ACME) -> Host:
        """Enrol a host into the tenant."""
        code = JoinCode(TokenHash(f"code of {host_id}"), f"name of {host_id}", NOW + SECOND, tenant=tenant)
        await self.store.save_join_code(code)
        return await self.store.enrol_host(code.hash, Host(HostId(host_id), "", b"k" * 32, NOW), NOW)

    async def link(self, host: Host, up: bool = True) -> None:
        """Let the host's link be up, or down."""
        await self.store.set_link(host.id, up, NOW)

    async def fill(self, tenant: TenantId = ACME) -> None:
        """Keep every noun in the tenant, under the same ids and names in each."""
        for noun in NOUNS:
            await self.directory.save(replace(noun, tenant=tenant))


@pytest.fixture(params=OPENERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Return a directory of each kind in turn, in which there are two tenants and no more."""
    store, directory = await OPENERS[request.param](request)
    for tenant in (ACME, OTHER):
        await directory.save_tenant(Tenant(tenant, tenant.title()))
    yield World(store, directory)
    if close := getattr(store, "close", None):
        await close()


@pytest.fixture
def directory(world: World) -> Directory:
    """Return the directory alone."""
    return world.directory


# Nouns.


async def test_tenant_is_kept_and_renamed(directory: Directory) -> None:
    saved = await directory.save_tenant(Tenant(ACME, "Acme & Co"))
    assert saved.version == 2
    assert await directory.tenant(ACME) == Tenant(ACME, "Acme & Co")
    assert await directory.tenant(TenantId("nobody")) is None
    known = [tenant.id for tenant in await directory.tenants() if tenant.id != "main"]
    assert known == [ACME, OTHER]


async def test_every_noun_is_kept_whole(world: World) -> None:
    await world.fill()
    for noun in NOUNS:
        kept = await world.directory.get(type(noun), ACME, noun.id)
        assert kept == noun
        assert kept.version == 1
        assert await world.directory.find(type(noun), ACME, noun.name.upper()) == noun


async def test_noun_takes_the_place_of_the_one_of_its_id_and_twice_is_once(world: World) -> None:
    await world.fill()
    renamed = replace(ANNA, name=UserName("anna@new.example"), role=Role.USER)
    for version in (2, 3):
        assert (await world.directory.save(renamed)).version == version
        assert await world.directory.get(User, ACME, ANNA.id) == renamed
    assert await world.directory.find(User, ACME, ANNA.name) is None
    assert len((await world.directory.page(User, ACME)).items) == 2


async def test_noun_with_a_version_is_kept_only_over_that_version(directory: Directory) -> None:
    first = await directory.save(STAFF)
    second = await directory.save(replace(first, name="All staff"))
    assert second.version == 2
    with pytest.raises(VersionStale, match="read it again"):
        await directory.save(replace(first, name="Others"))
    assert await directory.get(Group, ACME, STAFF.id) == replace(STAFF, name="All staff")
    await directory.remove(Group, ACME, STAFF.id)
    with pytest.raises(VersionStale):
        await directory.save(second)
    assert await directory.get(Group, ACME, STAFF.id) is None


async def test_of_many_changes_of_one_version_exactly_one_is_kept(directory: Directory) -> None:
    first = await directory.save(STAFF)
    changes = [directory.save(replace(first, name=f"Staff {number}")) for number in range(6)]
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(result, Group) for result in results) == 1
    assert sum(isinstance(result, VersionStale) for result in results) == 5


async def test_noun_that_many_make_at_once_is_made_once(directory: Directory) -> None:
    saved = await asyncio.gather(*(directory.save(STAFF) for _ in range(6)))
    assert sorted(group.version for group in saved) == [1, 2, 3, 4, 5, 6]
    assert (await directory.page(Group, ACME)).items == (STAFF,)


@pytest.mark.parametrize("name", ["Staff", "STAFF", "staff"])
async def test_name_of_another_is_taken_in_whatever_case(directory: Directory, name: str) -> None:
    await directory.save(STAFF)
    with pytest.raises(NameTaken, match="choose a different one"):
        await directory.save(Group(ACME, GroupId("g2"), name))
    assert await directory.save(Workspace(ACME, WorkspaceId("g2"), name))
    other = await directory.save(Group(ACME, GroupId("g2"), "Foreign key name_key"))
    with pytest.raises(NameTaken):
        await directory.save(replace(other, name=name))


MISSING: list[Any] = [
    replace(STAFF, tenant=TenantId("nobody")),
    replace(DESKTOPS, pool=PoolId("nothing")),
    replace(DESKTOPS, workspace=WorkspaceId("nothing")),
    replace(DESKTOP, application_group=ApplicationGroupId("nothing")),
]


@pytest.mark.parametrize("noun", MISSING, ids=lambda noun: type(noun).__name__)
async def test_noun_that_refers_to_nothing_is_not_kept(world: World, noun: Any) -> None:
    await world.fill()
    for wrong in (noun, replace(noun, id="new", name="new")):
        with pytest.raises(NotThere, match="not in the tenant"):
            await world.directory.save(wrong)
    assert await world.directory.get(type(noun), noun.tenant, "new") is None


@pytest.mark.parametrize(
    "noun",
    [
        replace(DESKTOP, application_group=APPS.id),
        replace(EDITOR, application_group=DESKTOPS.id),
        replace(DESKTOP, remote_app=EDITOR.remote_app),
        replace(DESKTOP, id=ResourceId("r9"), name=ResourceName("new"), application_group=APPS.id),
        replace(DESKTOPS, kind=ApplicationGroupKind.REMOTE_APP),
        replace(APPS, kind=ApplicationGroupKind.DESKTOP),
    ],
    ids=repr,
)
async def test_resource_and_its_group_are_of_one_kind(world: World, noun: Any) -> None:
    await world.fill()
    before = await world.directory.get(type(noun), ACME, noun.id)
    with pytest.raises(KindDiffers, match="one application group"):
        await world.directory.save(noun)
    assert await world.directory.get(type(noun), ACME, noun.id) == before


async def test_group_without_resources_changes_its_kind(world: World) -> None:
    await world.fill()
    await world.fill(OTHER)
    await world.directory.remove(PublishedResource, ACME, DESKTOP.id)
    changed = replace(DESKTOPS, kind=ApplicationGroupKind.REMOTE_APP)
    assert (await world.directory.save(changed)).kind is ApplicationGroupKind.REMOTE_APP


async def test_kind_that_changes_while_a_resource_is_added_leaves_no_mixture(world: World) -> None:
    await world.fill()
    await world.directory.remove(PublishedResource, ACME, DESKTOP.id)
    changed = replace(DESKTOPS, kind=ApplicationGroupKind.REMOTE_APP)
    results = await asyncio.gather(
        world.directory.save(changed), world.directory.save(DESKTOP), return_exceptions=True
    )
    assert sum(isinstance(result, KindDiffers) for result in results) == 1


async def test_application_group_takes_its_resources_and_assignments_along(world: World) -> None:
    await world.fill()
    await world.directory.assign(UserAssignment(ACME, DESKTOPS.id, ANNA.id))
    await world.directory.assign(GroupAssignment(ACME, DESKTOPS.id, STAFF.id))
    assert await world.directory.remove(ApplicationGroup, ACME, DESKTOPS.id) is True
    assert await world.directory.remove(ApplicationGroup, ACME, DESKTOPS.id) is False
    assert await world.directory.get(PublishedResource, ACME, DESKTOP.id) is None
    assert await world.directory.get(PublishedResource, ACME, EDITOR.id) == EDITOR
    await world.directory.save(DESKTOPS)
    assert await world.directory.assignments(ACME, DESKTOPS.id) == []


async def test_user_and_group_take_their_memberships_and_assignments_along(world: World) -> None:
    await world.fill()
    directory = world.directory
    await directory.join(ACME, STAFF.id, ANNA.id)
    await directory.assign(UserAssignment(ACME, DESKTOPS.id, ANNA.id))
    await directory.assign(GroupAssignment(ACME, DESKTOPS.id, STAFF.id))
    assert await directory.remove(User, ACME, ANNA.id)
    assert (await directory.members(ACME, STAFF.id)).items == ()
    assert await directory.assignments(ACME, DESKTOPS.id) == [GroupAssignment(ACME, DESKTOPS.id, STAFF.id)]
    assert await directory.remove(Group, ACME, STAFF.id)
    assert await directory.assignments(ACME, DESKTOPS.id) == []


async def test_what_others_rely_on_stays(world: World) -> None:
    await world.fill()
    host = await world.enrol("h1")
    await world.directory.save_pool_host(PoolHost(ACME, FULL_POOL.id, host.id, owner=ANNA.id))
    for noun in (POOL, FULL_POOL, SPACE, ANNA):
        with pytest.raises(StillUsed, match="still refers to it"):
            await world.directory.remove(type(noun), ACME, noun.id)  # type: ignore[type-var]
        assert await world.directory.get(type(noun), ACME, noun.id) == noun  # type: ignore[type-var]
    await world.directory.remove_pool_host(ACME, host.id)
    assert await world.directory.remove(HostPool, ACME, FULL_POOL.id)


# Pages.


async def test_pages_give_every_noun_once_and_by_name(directory: Directory) -> None:
    names = ["b", "A", "ä", "a-1", "Z", "李", "𝄞", "zz", "_", "0"]
    for number, name in enumerate(names):
        await directory.save(Group(ACME, GroupId(f"g{number}"), name))
    for size in (1, 3, 9, 10, 500):
        found: list[str] = []
        page = await directory.page(Group, ACME, limit=size)
        found += [group.name for group in page.items]
        while page.after:
            page = await directory.page(Group, ACME, page.after, size)
            assert 1 <= len(page.items) <= size
            found += [group.name for group in page.items]
        assert found == sorted(names, key=key_of)


async def test_some_nouns_are_found_by_their_ids_at_once(directory: Directory) -> None:
    users = [
        await directory.save(User(ACME, UserId(f"n{number}"), UserName(f"u{number}"))) for number in range(4)
    ]
    await directory.save(User(OTHER, UserId("n9"), UserName("u9")))
    found = await directory.some(User, ACME, {"n1", "n3", "n9", "\0", "none"})
    assert found == {"n1": users[1], "n3": users[3]}
    assert await directory.some(User, ACME, set()) == await directory.some(Group, ACME, {"n1"}) == {}
    many = [f"n{number}" for number in range(5000)]
    assert len(await directory.some(User, ACME, many)) == 4


async def test_every_noun_of_a_kind_is_given_and_counted(directory: Directory) -> None:
    assert [each async for each in every(directory, User, ACME)] == []
    for number in range(7):
        await directory.save(User(ACME, UserId(f"n{number}"), UserName(f"u{number}")))
    assert [each.name async for each in every(directory, User, ACME)] == [f"u{n}" for n in range(7)]
    assert (await directory.count(User, ACME), await directory.count(User, OTHER)) == (7, 0)
    assert await directory.count(Group, ACME) == 0


async def test_noun_that_comes_or_goes_between_pages_moves_no_other(directory: Directory) -> None:
    for name in "abcd":
        await directory.save(Group(ACME, GroupId(name), name))
    page = await directory.page(Group, ACME, limit=2)
    await directory.remove(Group, ACME, "b")
    await directory.save(Group(ACME, GroupId("aa"), "aa"))
    rest = await directory.page(Group, ACME, page.after, 2)
    assert [group.name for group in rest.items] == ["c", "d"]
    assert rest.after == ""


async def test_nouns_are_found_by_how_their_names_begin_in_whatever_case(directory: Directory) -> None:
    for number, name in enumerate(["Ann", "anna", "ANNE", "Hanna", "an_x", "anxx", "a%", "Änne"]):
        await directory.save(Group(ACME, GroupId(f"g{number}"), name))

    async def beginning(prefix: str) -> list[str]:
        first = await directory.page(Group, ACME, limit=2, prefix=prefix)
        rest = await directory.page(Group, ACME, first.after, prefix=prefix) if first.after else None
        return [group.name for group in first.items + (rest.items if rest else ())]

    assert await beginning("aNN") == ["Ann", "anna", "ANNE"]
    assert await beginning("an_") == ["an_x"]
    assert await beginning("a%") == ["a%"]
    assert await beginning("A\u0308") == ["Änne"]
    assert await beginning("nna") == await beginning("\0") == []


@pytest.mark.parametrize("limit", [-1, 0, 1, 10**9])
async def test_page_has_at_least_one_and_is_bounded(directory: Directory, limit: int) -> None:
    for name in "ab":
        await directory.save(Group(ACME, GroupId(name), name))
    assert len((await directory.page(Group, ACME, limit=limit)).items) == (2 if limit > 1 else 1)


@pytest.mark.parametrize("cursor", ["?", "a", "ä", "\0", "' OR 1=1 --"])
async def test_cursor_from_elsewhere_is_refused(directory: Directory, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await directory.page(Group, ACME, cursor)


async def test_forged_cursor_shows_nothing_of_another_tenant(world: World) -> None:
    await world.fill(OTHER)
    # Base64url of NUL, and of the first characters there are.
    for cursor in ("AA", "MA", "8J-QgA"):
        assert (await world.directory.page(User, ACME, cursor)).items == ()


# Groups and assignments.


async def test_membership_is_made_and_ended(world: World) -> None:
    await world.fill()
    directory = world.directory
    for _ in range(2):
        await directory.join(ACME, STAFF.id, ANNA.id)
    await directory.join(ACME, STAFF.id, BEN.id)
    assert await directory.groups_of(ACME, ANNA.id) == [STAFF]
    page = await directory.members(ACME, STAFF.id, limit=1)
    assert page.items == (ANNA,)
    assert (await directory.members(ACME, STAFF.id, page.after)).items == (BEN,)
    for _ in range(2):
        await directory.leave(ACME, STAFF.id, ANNA.id)
    assert await directory.groups_of(ACME, ANNA.id) == []


async def test_nobody_joins_what_is_not_there(world: World) -> None:
    await world.fill()
    for group, user in [(STAFF.id, UserId("nobody")), (GroupId("nothing"), ANNA.id)]:
        with pytest.raises(NotThere):
            await world.directory.join(ACME, group, user)


async def test_assignments_are_listed_and_taken_back(world: World) -> None:
    await world.fill()
    both: list[UserAssignment | GroupAssignment] = [
        UserAssignment(ACME, APPS.id, ANNA.id),
        GroupAssignment(ACME, APPS.id, STAFF.id),
    ]
    for assignment in (*both, *both):
        await world.directory.assign(assignment)
    assert await world.directory.assignments(ACME, APPS.id) == both
    assert await world.directory.assignments(ACME, DESKTOPS.id) == []
    assert await world.directory.unassign(both[0]) is True
    assert await world.directory.unassign(both[0]) is False
    assert await world.directory.assignments(ACME, APPS.id) == both[1:]


async def test_resources_of_one_application_group_are_paged(world: World) -> None:
    await world.fill()
    second = replace(DESKTOP, id=ResourceId("r9"), name=ResourceName("archive"))
    await world.directory.save(second)
    page = await world.directory.resources_in(ACME, DESKTOPS.id, limit=1)
    assert page.items == (second,)
    rest = await world.directory.resources_in(ACME, DESKTOPS.id, page.after)
    assert (rest.items, rest.after) == ((DESKTOP,), "")
    assert (await world.directory.resources_in(ACME, ApplicationGroupId("nothing"))).items == ()


async def test_nothing_is_assigned_to_nobody(world: World) -> None:
    await world.fill()
    for assignment in (
        UserAssignment(ACME, APPS.id, UserId("nobody")),
        GroupAssignment(ACME, APPS.id, GroupId("nobody")),
        UserAssignment(ACME, ApplicationGroupId("nothing"), ANNA.id),
    ):
        with pytest.raises(NotThere):
            await world.directory.assign(assignment)


# What a user may use.


async def may_use(directory: Directory, user: User = ANNA) -> set[str]:
    """Return the aliases the user may use, found in both ways."""
    listed = {resource.name for resource in await directory.resources_of(user.tenant, user.id)}
    asked = set()
    for resource in (DESKTOP, EDITOR):
        if await directory.published(user.tenant, user.id, resource.name):
            asked.add(resource.name)
    assert listed == asked
    return {str(name) for name in listed}


async def test_user_may_use_what_is_assigned_to_them_or_their_groups(world: World) -> None:
    await world.fill()
    directory = world.directory
    assert await may_use(directory) == set()
    await directory.assign(UserAssignment(ACME, DESKTOPS.id, ANNA.id))
    assert await may_use(directory) == {"office"}
    await directory.assign(GroupAssignment(ACME, APPS.id, STAFF.id))
    assert await may_use(directory) == {"office"}
    await directory.join(ACME, STAFF.id, ANNA.id)
    assert await may_use(directory) == {"office", "editor"}
    await directory.unassign(UserAssignment(ACME, DESKTOPS.id, ANNA.id))
    assert await may_use(directory) == {"editor"}
    await directory.leave(ACME, STAFF.id, ANNA.id)
    assert await may_use(directory) == set()


async def test_resource_assigned_in_several_ways_is_listed_once_and_by_alias(world: World) -> None:
    await world.fill()
    directory = world.directory
    await directory.join(ACME, STAFF.id, ANNA.id)
    for group in (DESKTOPS, APPS):
        await directory.assign(UserAssignment(ACME, group.id, ANNA.id))
        await directory.assign(GroupAssignment(ACME, group.id, STAFF.id))
    assert await directory.resources_of(ACME, ANNA.id) == [EDITOR, DESKTOP]
    assert await directory.resources_of(ACME, ANNA.id, SPACE.id) == [DESKTOP]
    assert await directory.resources_of(ACME, ANNA.id, WorkspaceId("nothing")) == []


async def test_published_resource_comes_with_its_group_and_pool(world: World) -> None:
    await world.fill()
    await world.directory.assign(UserAssignment(ACME, DESKTOPS.id, ANNA.id))
    assert await world.directory.published(ACME, ANNA.id, DESKTOP.name) == Published(DESKTOP, DESKTOPS, POOL)


async def test_disabled_or_unknown_user_may_use_nothing(world: World) -> None:
    await world.fill()
    await world.directory.assign(UserAssignment(ACME, DESKTOPS.id, BEN.id))
    assert await may_use(world.directory, BEN) == set()
    assert await may_use(world.directory, replace(BEN, id=UserId("nobody"))) == set()
    await world.directory.save(replace(BEN, disabled_at=None))
    assert await may_use(world.directory, BEN) == {"office"}


# Hosts of pools.


async def test_host_is_in_one_pool_and_moves(world: World) -> None:
    await world.fill()
    host = await world.enrol("h1")
    member = PoolHost(ACME, POOL.id, host.id, 250, True)
    for _ in range(2):
        await world.directory.save_pool_host(member)
    assert await world.directory.pool_hosts(ACME, POOL.id) == [member]
    moved = replace(member, pool=FULL_POOL.id, drained=False, owner=ANNA.id)
    await world.directory.save_pool_host(moved)
    assert await world.directory.pool_hosts(ACME, POOL.id) == []
    assert await world.directory.pool_hosts(ACME, FULL_POOL.id) == [moved]
    assert await world.directory.pool_host(ACME, host.id) == moved
    assert await world.directory.pool_host(OTHER, host.id) is None
    assert await world.directory.remove_pool_host(ACME, host.id) is True
    assert await world.directory.pool_host(ACME, host.id) is None
    assert await world.directory.remove_pool_host(ACME, host.id) is False


async def test_pool_takes_no_host_pool_or_owner_that_is_not_there(world: World) -> None:
    await world.fill()
    host = await world.enrol("h1")
    good = PoolHost(ACME, POOL.id, host.id)
    for bad in (
        replace(good, host=HostId("nothing")),
        replace(good, pool=PoolId("nothing")),
        replace(good, owner=UserId("nobody")),
    ):
        with pytest.raises(NotThere):
            await world.directory.save_pool_host(bad)
    assert await world.directory.pool_hosts(ACME, POOL.id) == []


async def test_of_many_who_claim_a_host_one_gets_it(world: World) -> None:
    await world.fill()
    host = await world.enrol("h1")
    claims = [world.directory.claim_host(ACME, host.id, user) for user in (ANNA.id, BEN.id) * 3]
    await world.directory.remove_pool_host(ACME, host.id)
    assert not any(await asyncio.gather(*claims))
    await world.directory.save_pool_host(PoolHost(ACME, FULL_POOL.id, host.id))
    claims = [world.directory.claim_host(ACME, host.id, user) for user in (ANNA.id, BEN.id) * 3]
    won = await asyncio.gather(*claims)
    (member,) = await world.directory.pool_hosts(ACME, FULL_POOL.id)
    assert won == [member.owner == user for user in (ANNA.id, BEN.id) * 3]
    assert member.owner in (ANNA.id, BEN.id)


async def pool_of(world: World, *host_ids: str, **of_first: Any) -> list[PoolHost]:
    """Enrol hosts into a pool; return its members, of which the first is special."""
    for host_id in host_ids:
        await world.enrol(host_id)
        await world.directory.save_pool_host(PoolHost(ACME, POOL.id, HostId(host_id), **of_first))
        of_first = {}
    return list(await world.directory.pool_hosts(ACME, POOL.id))


async def test_who_claims_many_hosts_of_a_pool_at_once_gets_one(world: World) -> None:
    await world.fill()
    members = await pool_of(world, *(f"h{number}" for number in range(6)))
    # Every connection to the database is there, so that none is behind the others.
    await asyncio.gather(*(world.directory.pool_hosts(ACME, POOL.id) for _ in members))
    claims = [world.directory.claim_host(ACME, member.host, ANNA.id) for member in members]
    won = await asyncio.gather(*claims)
    assert won.count(True) == 1
    owners = [member.owner for member in await world.directory.pool_hosts(ACME, POOL.id)]
    assert owners == [ANNA.id if one else None for one in won]


async def test_host_of_ones_own_can_be_claimed_again_and_one_more_only_in_another_pool(world: World) -> None:
    await world.fill()
    await pool_of(world, "h1", "h2", owner=ANNA.id)
    other = await world.enrol("h3")
    await world.directory.save_pool_host(PoolHost(ACME, FULL_POOL.id, other.id))
    claims = [await world.directory.claim_host(ACME, HostId(host), ANNA.id) for host in ("h1", "h2", "h3")]
    assert claims == [True, False, True]
    assert await world.directory.claim_host(ACME, HostId("h2"), BEN.id)


async def test_who_lost_their_host_claims_another(world: World) -> None:
    await world.fill()
    await pool_of(world, "h1", "h2", owner=ANNA.id)
    await world.store.revoke_host(HostId("h1"), NOW)
    assert await world.directory.claim_host(ACME, HostId("h2"), ANNA.id)


async def test_nobody_claims_a_host_for_nobody(world: World) -> None:
    await world.fill()
    host = await world.enrol("h1")
    await world.directory.save_pool_host(PoolHost(ACME, FULL_POOL.id, host.id))
    with pytest.raises(NotThere):
        await world.directory.claim_host(ACME, host.id, UserId("nobody"))


async def test_standing_says_what_a_placement_needs(world: World) -> None:
    await world.fill()
    directory = world.directory
    for host_id in ("h1", "h2", "h3", "h4"):
        await world.enrol(host_id)
    members = [PoolHost(ACME, POOL.id, HostId(host_id), 50) for host_id in ("h1", "h2", "h3")]
    for member in members:
        await directory.save_pool_host(member)
    await world.store.revoke_host(HostId("h3"), NOW)
    await world.store.set_link(HostId("h1"), True, NOW)
    await directory.save_health(ACME, HostId("h2"), [Check.DISK, Check.DIAL_BACK])
    others = replace(SESSION, id=SessionId("2"), user=UserName("OTHER\\anna"))
    await directory.save_sessions(ACME, HostId("h1"), [SESSION, others])
    assert await directory.standings(ACME, POOL.id, ANNA.name) == [
        HostStanding(members[0], "name of h1", b"k" * 32, True, frozenset(), 2, (SESSION,)),
        HostStanding(members[1], "name of h2", b"k" * 32, False, frozenset({Check.DISK, Check.DIAL_BACK})),
    ]
    await directory.save_health(ACME, HostId("h2"), [])
    assert (await directory.standings(ACME, POOL.id, ANNA.name))[1].failed == frozenset()
    assert await directory.standings(ACME, PoolId("nothing"), ANNA.name) == []


# Sessions.


async def test_session_that_is_not_on_the_newest_list_is_gone(world: World) -> None:
    host, other = await world.enrol("h1"), await world.enrol("h2")
    directory = world.directory
    elsewhere = replace(SESSION, host=other.id, user=UserName("ben"), state=SessionState.ACTIVE)
    await directory.save_sessions(ACME, other.id, [elsewhere])
    second = replace(SESSION, id=SessionId("2"))
    await directory.save_sessions(ACME, host.id, [second, SESSION, SESSION])
    assert await directory.sessions(ACME) == [SESSION, second, elsewhere]
    assert await directory.sessions(ACME, host.id) == [SESSION, second]
    later = replace(SESSION, state=SessionState.ACTIVE, since=NOW + SECOND)
    await directory.save_sessions(ACME, host.id, [later])
    assert await directory.sessions_of(ACME, ANNA.name) == [later]
    await directory.save_sessions(ACME, host.id, [])
    assert await directory.sessions(ACME) == [elsewhere]


async def test_revoked_host_has_no_sessions_and_lists_none(world: World) -> None:
    host, other = await world.enrol("h1"), await world.enrol("h2")
    elsewhere = replace(SESSION, host=other.id)
    await world.directory.save_sessions(ACME, other.id, [elsewhere])
    await world.directory.save_sessions(ACME, host.id, [SESSION])
    await world.store.revoke_host(host.id, NOW)
    assert await world.directory.sessions(ACME) == [elsewhere]
    # Its agent is sent away at its next heartbeat, and may list until then.
    with pytest.raises(NotThere):
        await world.directory.save_sessions(ACME, host.id, [SESSION])
    await world.directory.save_sessions(ACME, host.id, [])
    assert await world.directory.sessions(ACME) == [elsewhere]


async def test_lists_that_come_while_a_host_is_revoked_leave_no_session(world: World) -> None:
    host = await world.enrol("h1")
    await world.directory.save_sessions(ACME, host.id, [SESSION])
    lists = [world.directory.save_sessions(ACME, host.id, [SESSION]) for _ in range(6)]
    await asyncio.gather(
        *lists[:3], world.store.revoke_host(host.id, NOW), *lists[3:], return_exceptions=True
    )
    assert await world.directory.sessions(ACME) == []


async def all_sessions(directory: Directory, wanted: SessionFilter, limit: int) -> list[Session]:
    """Return the sessions that are wanted, read page by page."""
    page = await directory.session_page(ACME, wanted, limit=limit)
    read = list(page.items)
    while page.after:
        assert len(page.items) == limit
        page = await directory.session_page(ACME, wanted, page.after, limit)
        read += page.items
    return read


async def test_sessions_of_a_user_are_found_among_many_whose_name_is_another_domains(world: World) -> None:
    directory, number = world.directory, 0
    for host_id in ("h1", "h2", "h3"):
        host, listed = await world.enrol(host_id), list[Session]()
        await world.link(host)
        for _ in range(MAX_PAGE // 2):
            # Of every hundred, one is reported with the domain in full, one with none.
            form = {50: "anna@corp.example", 99: "anna"}.get(number % 100, f"H{number}\\Anna")
            listed.append(replace(SESSION, host=host.id, id=SessionId(f"{number:04}"), user=UserName(form)))
            number += 1
        await directory.save_sessions(ACME, host.id, listed)
    mine = SessionFilter(users=users_of(UserName("CORP\\anna")))
    found = [f"{hundred}{end}" for hundred in range(8) for end in (50, 99) if hundred * 100 + end < number]
    for limit in (1, 4, MAX_PAGE):
        assert [each.id.lstrip("0") for each in await all_sessions(directory, mine, limit)] == [
            id.lstrip("0") for id in found
        ]
    both = replace(mine, users=users_of(UserName("CORP\\anna"), UserName("H7\\anna")))
    assert {each.user for each in await all_sessions(directory, both, 2)} == {"anna"}
    neither = replace(mine, users=users_of(UserName("anna"), UserName("ben")))
    assert await all_sessions(directory, neither, 2) == []


async def test_sessions_are_paged_and_found_by_host_and_by_how_their_users_are_called(world: World) -> None:
    directory, found = world.directory, list[Session]()
    for host_id in ("h1", "h2", "h3"):
        host = await world.enrol(host_id)
        await world.link(host)
        names = ["anna", "CORP\\ANNE", "ben@corp.example", "a_x"]
        listed = [
            replace(SESSION, host=host.id, id=SessionId(str(number)), user=UserName(name))
            for number, name in enumerate(names)
        ]
        await directory.save_sessions(ACME, host.id, listed)
        found += listed
    theirs = await world.enrol("h9", OTHER)
    await world.link(theirs)
    await directory.save_sessions(OTHER, theirs.id, [replace(SESSION, tenant=OTHER, host=theirs.id)])

    async def pages(limit: int, wanted: SessionFilter = EVERY_SESSION) -> list[Session]:
        return await all_sessions(directory, wanted, limit)

    for limit in (1, 5, 12, 500):
        assert await pages(limit) == found
        assert await pages(limit, SessionFilter(HostId("h2"))) == found[4:8]
        begun = [each for each in found if each.id in ("0", "1")]
        assert await pages(limit, SessionFilter(prefix="corp\\aNN")) == begun
        assert await pages(limit, SessionFilter(HostId("h3"), prefix="a_")) == found[-1:]
        bens = [each for each in found if each.id == "2"]
        assert await pages(limit, SessionFilter(users=users_of(UserName("Corp\\ben")))) == bens
        assert await pages(limit, SessionFilter(HostId("h2"), users_of(UserName("ben")))) == bens[1:2]
    for wanted in (SessionFilter(prefix="nna"), SessionFilter(theirs.id)):
        assert await pages(5, wanted) == []
    assert (await directory.count_sessions(ACME), await directory.count_sessions(OTHER)) == (12, 1)


async def test_sessions_of_a_host_whose_link_is_down_are_kept_and_not_shown(world: World) -> None:
    host, other = await world.enrol("h1"), await world.enrol("h2")
    directory, elsewhere = world.directory, replace(SESSION, host=other.id)
    await directory.save_sessions(ACME, host.id, [SESSION])
    await directory.save_sessions(ACME, other.id, [elsewhere])
    for up in (True, False, True):
        await world.link(host, up)
        await world.link(other)
        shown = [SESSION, elsewhere] if up else [elsewhere]
        for wanted in (EVERY_SESSION, SessionFilter(users=users_of(ANNA.name))):
            assert await all_sessions(directory, wanted, 1) == shown
        assert await directory.count_sessions(ACME) == len(shown)
        assert await directory.sessions(ACME) == [SESSION, elsewhere]
    await world.link(host, up=False)
    assert (await directory.session_page(ACME, SessionFilter(host.id))).items == ()


async def test_standings_of_all_pools_are_those_of_each(world: World) -> None:
    await world.fill()
    await world.directory.save(replace(POOL, id=PoolId("p2"), name="Another"))
    for host_id, pool in (("h1", POOL.id), ("h2", PoolId("p2")), ("h3", POOL.id)):
        await world.enrol(host_id)
        await world.directory.save_pool_host(PoolHost(ACME, pool, HostId(host_id)))
    await world.store.revoke_host(HostId("h3"), NOW)
    await world.directory.save_health(ACME, HostId("h2"), [Check.DISK])
    await world.directory.save_sessions(ACME, HostId("h1"), [SESSION])
    found = await world.directory.all_standings(ACME)
    assert [(each.member.host, each.member.pool, each.sessions) for each in found] == [
        ("h1", POOL.id, 1),
        ("h2", "p2", 0),
    ]
    assert found[1:] == await world.directory.standings(ACME, PoolId("p2"), ANNA.name)
    assert await world.directory.all_standings(TenantId("nothing")) == []


async def test_host_reports_no_sessions_but_its_own(world: World) -> None:
    host = await world.enrol("h1")
    for wrong in (replace(SESSION, tenant=OTHER), replace(SESSION, host=HostId("h2"))):
        with pytest.raises(ValueError, match="expected sessions of host h1"):
            await world.directory.save_sessions(ACME, host.id, [SESSION, wrong])
    assert await world.directory.sessions(ACME) == []


async def test_unknown_host_has_no_sessions(directory: Directory) -> None:
    with pytest.raises(NotThere):
        await directory.save_sessions(ACME, SESSION.host, [SESSION])
    assert await directory.sessions(ACME, SESSION.host) == []


# The boundary: two tenants that hold the same ids, names and everything else.


async def snapshot(directory: Directory, tenant: TenantId) -> list[object]:
    """Return everything that any question about the tenant answers."""
    answers: list[object] = []
    for noun in NOUNS:
        kind: Any = type(noun)
        answers += [await directory.get(kind, tenant, noun.id), await directory.find(kind, tenant, noun.name)]
        answers.append(list((await directory.some(kind, tenant, [noun.id])).values()))
        answers += [await directory.page(kind, tenant), await directory.count(kind, tenant)]
    for user in (ANNA, BEN):
        answers.append(await directory.groups_of(tenant, user.id))
        answers.append(await directory.resources_of(tenant, user.id))
        answers.append(await directory.resources_of(tenant, user.id, SPACE.id))
        answers.append(await directory.sessions_of(tenant, user.name))
        answers += [await directory.published(tenant, user.id, each.name) for each in (DESKTOP, EDITOR)]
        answers += [await directory.standings(tenant, pool.id, user.name) for pool in (POOL, FULL_POOL)]
    answers += [await directory.assignments(tenant, group.id) for group in (DESKTOPS, APPS)]
    answers += [await directory.resources_in(tenant, group.id) for group in (DESKTOPS, APPS)]
    answers += [await directory.pool_hosts(tenant, pool.id) for pool in (POOL, FULL_POOL)]
    answers += [await directory.sessions(tenant), await directory.sessions(tenant, SESSION.host)]
    answers += [await directory.session_page(tenant), await directory.count_sessions(tenant)]
    answers += [await directory.all_standings(tenant)]
    answers += [await directory.members(tenant, STAFF.id), await directory.tenant(tenant)]
    return answers


def tenants_in(value: object) -> set[str]:
    """Return every tenant that an answer names, at whatever depth."""
    if isinstance(value, list | tuple | frozenset):
        return set().union(*map(tenants_in, value))
    if slots := getattr(value, "__slots__", ()):
        found = {str(getattr(value, "tenant"))} if "tenant" in slots else set()  # noqa: B009
        return found.union(*(tenants_in(getattr(value, name)) for name in slots))
    return set()


async def furnish(world: World, tenant: TenantId, host_id: str) -> None:
    """Keep one of everything there is in the tenant."""
    directory = world.directory
    await world.fill(tenant)
    host = await world.enrol(host_id, tenant)
    await directory.join(tenant, STAFF.id, ANNA.id)
    await directory.assign(UserAssignment(tenant, DESKTOPS.id, ANNA.id))
    await directory.assign(GroupAssignment(tenant, APPS.id, STAFF.id))
    await directory.save_pool_host(PoolHost(tenant, POOL.id, host.id))
    await directory.save_health(tenant, host.id, [Check.LOAD])
    await world.link(host)
    await directory.save_sessions(tenant, host.id, [replace(SESSION, tenant=tenant, host=host.id)])


async def test_every_answer_is_of_the_tenant_that_was_asked_about(world: World) -> None:
    await furnish(world, ACME, "h1")
    await furnish(world, OTHER, "h2")
    for tenant in (ACME, OTHER):
        answers = await snapshot(world.directory, tenant)
        assert tenants_in(answers) == {tenant}
        # Only the disabled user finds nothing.
        assert [answer for answer in answers if answer is None] == [None, None]


async def test_empty_tenant_sees_nothing_of_another(world: World) -> None:
    before = await snapshot(world.directory, OTHER)
    await furnish(world, ACME, "h1")
    assert await snapshot(world.directory, OTHER) == before
    assert tenants_in(before) == set()


CHANGES: list[Callable[[Directory], Awaitable[object]]] = [
    lambda directory: directory.save(replace(ANNA, tenant=OTHER, name=UserName("eve"))),
    lambda directory: directory.save(replace(DESKTOP, tenant=OTHER, title="Other", target="10.0.0.1:3389")),
    lambda directory: directory.save(replace(DESKTOPS, tenant=OTHER, pool=FULL_POOL.id)),
    lambda directory: directory.remove(PublishedResource, OTHER, DESKTOP.id),
    lambda directory: directory.remove(ApplicationGroup, OTHER, DESKTOPS.id),
    lambda directory: directory.remove(User, OTHER, ANNA.id),
    lambda directory: directory.remove(Group, OTHER, STAFF.id),
    lambda directory: directory.join(OTHER, STAFF.id, BEN.id),
    lambda directory: directory.leave(OTHER, STAFF.id, ANNA.id),
    lambda directory: directory.assign(UserAssignment(OTHER, APPS.id, BEN.id)),
    lambda directory: directory.unassign(UserAssignment(OTHER, DESKTOPS.id, ANNA.id)),
    lambda directory: directory.unassign(GroupAssignment(OTHER, APPS.id, STAFF.id)),
    lambda directory: directory.remove_pool_host(OTHER, HostId("h1")),
    lambda directory: directory.claim_host(OTHER, HostId("h1"), BEN.id),
    lambda directory: directory.save_health(OTHER, HostId("h1"), [Check.LINK]),
    lambda directory: directory.save_sessions(OTHER, HostId("h1"), []),
    lambda directory: directory.save_tenant(Tenant(OTHER, "Renamed")),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
async def test_change_in_one_tenant_changes_nothing_in_another(world: World, number: int) -> None:
    await furnish(world, ACME, "h1")
    await furnish(world, OTHER, "h2")
    before = await snapshot(world.directory, ACME)
    await CHANGES[number](world.directory)
    assert await snapshot(world.directory, ACME) == before


async def test_assignment_in_one_tenant_gives_nothing_to_its_namesakes_in_another(world: World) -> None:
    directory = world.directory
    await world.fill()
    await furnish(world, OTHER, "h2")
    assert await may_use(directory) == set()
    await directory.join(ACME, STAFF.id, ANNA.id)
    assert await may_use(directory) == set()
    await directory.assign(UserAssignment(ACME, DESKTOPS.id, ANNA.id))
    assert await may_use(directory) == {"office"}


async def test_workspace_of_one_tenant_shows_nothing_through_its_namesake(world: World) -> None:
    await furnish(world, ACME, "h1")
    await furnish(world, OTHER, "h2")
    await world.directory.save(replace(DESKTOPS, workspace=None))
    assert await world.directory.resources_of(ACME, ANNA.id, SPACE.id) == []
    await world.directory.save(replace(APPS, tenant=OTHER, workspace=SPACE.id))
    assert await world.directory.resources_of(ACME, ANNA.id, SPACE.id) == []


CROSSINGS: list[Callable[[Directory], Awaitable[object]]] = [
    lambda directory: directory.save(replace(DESKTOPS, tenant=OTHER)),
    lambda directory: directory.save(replace(DESKTOP, tenant=OTHER)),
    lambda directory: directory.join(OTHER, STAFF.id, ANNA.id),
    lambda directory: directory.assign(UserAssignment(OTHER, APPS.id, ANNA.id)),
    lambda directory: directory.assign(GroupAssignment(OTHER, APPS.id, STAFF.id)),
    lambda directory: directory.save_pool_host(PoolHost(OTHER, PoolId("p9"), HostId("h1"))),
    lambda directory: directory.save_pool_host(PoolHost(OTHER, PoolId("p9"), HostId("h9"), owner=ANNA.id)),
    lambda directory: directory.save_sessions(OTHER, HostId("h1"), [replace(SESSION, tenant=OTHER)]),
]


@pytest.mark.parametrize("number", range(len(CROSSINGS)))
async def test_nothing_of_one_tenant_can_refer_to_another(world: World, number: int) -> None:
    await furnish(world, ACME, "h1")
    await world.directory.save(replace(POOL, tenant=OTHER, id=PoolId("p9")))
    await world.enrol("h9", OTHER)
    before = await snapshot(world.directory, OTHER)
    with pytest.raises(NotThere):
        await CROSSINGS[number](world.directory)
    assert await snapshot(world.directory, OTHER) == before


# Hostile text and properties.


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "x" * 100_000, "' OR 1=1 --", "%", "_"])
async def test_asking_for_any_text_finds_nothing_and_breaks_nothing(world: World, text: str) -> None:
    await furnish(world, ACME, "h1")
    directory = world.directory
    for noun in NOUNS:
        assert await directory.get(type(noun), ACME, text) is None
        assert await directory.find(type(noun), ACME, text) is None
        assert await directory.remove(type(noun), ACME, text) is False
        assert (await directory.page(type(noun), TenantId(text))).items == ()
    assert await directory.resources_of(TenantId(text), UserId(text)) == []
    assert await directory.published(ACME, ANNA.id, ResourceName(text)) is None
    assert (await directory.resources_in(ACME, ApplicationGroupId(text))).items == ()
    assert await directory.unassign(UserAssignment(ACME, APPS.id, UserId(text))) is False
    assert await directory.standings(TenantId(text), PoolId(text), UserName(text)) == []
    assert await directory.sessions_of(ACME, UserName(text)) == []
    for wanted in (
        SessionFilter(HostId(text)),
        SessionFilter(users=users_of(UserName(text))),
        SessionFilter(prefix=text),
    ):
        assert (await directory.session_page(TenantId(text), wanted)).items == ()
    assert (await directory.session_page(ACME, SessionFilter(users=users_of(UserName(text))))).items == ()
    with pytest.raises(NotThere):
        await directory.join(ACME, GroupId(text), UserId(text))


PROPERTY = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NAMES = (
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), min_size=1, max_size=30)
    .map(str.strip)
    .filter(
        lambda text: bool(text) and not set(text) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e")
    )
    .filter(lambda text: not set(text) & set("\u2066\u2067\u2068\u2069\ufffe\uffff"))
)


@PROPERTY
@given(st.lists(NAMES, min_size=1, max_size=6, unique_by=key_of))
async def test_names_of_any_script_are_kept_found_and_sorted_alike(world: World, names: list[str]) -> None:
    directory = world.directory
    for group in (await directory.page(Group, ACME)).items:
        await directory.remove(Group, ACME, group.id)
    for number, name in enumerate(names):
        await directory.save(Group(ACME, GroupId(f"g{number}"), name))
    for name in names:
        found = await directory.find(Group, ACME, name)
        assert found is not None
        assert found.name == name
    page = await directory.page(Group, ACME)
    assert [group.name for group in page.items] == sorted(names, key=key_of)

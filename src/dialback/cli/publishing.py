"""Publishing in one step: a desktop of a pool, in an application group of its own, assigned to users by name.

This is for an installation that serves one organisation, hence its tenant is `main`. Users that nobody made
yet are made by being named.
"""

from collections.abc import Iterable
from dataclasses import replace

from dialback.cli.context import Failed
from dialback.domain.catalog import ApplicationGroup, PublishedResource, UserAssignment, parse_user_name
from dialback.domain.contracts import Store
from dialback.domain.directory import MAX_PAGE, Directory, E
from dialback.domain.hosts import DEFAULT_TARGET, Host
from dialback.domain.ids import ApplicationGroupId, PoolId, ResourceId, ResourceName, UserId
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN, User
from dialback.identity.tokens import make_id


async def everything(directory: Directory, kind: type[E]) -> list[E]:
    """Return every noun of the kind, by name."""
    page = await directory.page(kind, MAIN, limit=MAX_PAGE)
    found = list(page.items)
    while page.after:
        page = await directory.page(kind, MAIN, page.after, MAX_PAGE)
        found += page.items
    return found


async def find_host(store: Store, text: str) -> Host:
    """Return the host of that id or name; `Failed` if there is none, or more than one."""
    hosts = [host for host in await store.all_hosts() if host.revoked_at is None]
    found = [host for host in hosts if host.id == text] or [host for host in hosts if host.name == text]
    if not found:
        raise Failed(f"There is no host {text!r}; `dialback host list` shows them.")
    if len(found) > 1:
        raise Failed(f"There are {len(found)} hosts named {text!r}; use the id from `dialback host list`.")
    return found[0]


async def pool_named(directory: Directory, text: str) -> HostPool:
    """Return the host pool of that name or id."""
    pool = await directory.find(HostPool, MAIN, text) or await directory.get(HostPool, MAIN, text)
    if pool is None:
        raise Failed(f"There is no host pool {text!r}.")
    return pool


async def pool_of(directory: Directory, host: Host) -> PoolId:
    """Return the pool of a host that is alone in it; `Failed` if it is in none, or not alone."""
    member = await directory.pool_host(MAIN, host.id)
    if member is None:
        raise Failed(f"The host {host.name!r} is in no host pool; put it into one, then publish on that.")
    if len(await directory.pool_hosts(MAIN, member.pool)) > 1:
        pool = await directory.get(HostPool, MAIN, member.pool)
        name = pool.name if pool else member.pool
        raise Failed(f"The host {host.name!r} shares the pool {name!r} with others; name the pool instead.")
    return member.pool


async def publish(
    directory: Directory, name: ResourceName, pool: PoolId, target: str = DEFAULT_TARGET
) -> PublishedResource:
    """Publish a desktop of the pool, in place of an older one of its name, whose users keep it."""
    known = await directory.find(PublishedResource, MAIN, name)
    if known is None:
        group = ApplicationGroup(MAIN, ApplicationGroupId(name), name, pool)
        known = PublishedResource(MAIN, ResourceId(name), group.id, name, name)
        await directory.save(group)
    else:
        await _move(directory, known, pool)
    # Over whatever is there: what counts is what was said last.
    return await directory.save(replace(known, target=target, version=0))


async def assign(
    directory: Directory, resource: PublishedResource, names: Iterable[str]
) -> list[tuple[User, bool]]:
    """Let the users use everything that is published together with the resource.

    Returns:
        The users, and of each whether it was made.
    """
    assigned = []
    for name in names:
        user = await directory.find(User, MAIN, name)
        made = user is None
        if user is None:
            new = User(MAIN, UserId(make_id()), parse_user_name(name))
            user = await directory.save(new)
        await directory.assign(UserAssignment(MAIN, resource.application_group, user.id))
        assigned.append((user, made))
    return assigned


async def _move(directory: Directory, resource: PublishedResource, pool: PoolId) -> None:
    """Let the resource's application group publish the pool; `Failed` if others are published with it."""
    group = await directory.get(ApplicationGroup, MAIN, resource.application_group)
    if group is None or group.pool == pool:
        return
    published = await everything(directory, PublishedResource)
    if sum(each.application_group == group.id for each in published) > 1:
        raise Failed(
            f"{resource.name} is published on another host pool, together with others; choose another name."
        )
    await directory.save(replace(group, pool=pool))

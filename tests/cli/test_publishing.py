"""Publishing in one step, on a directory in memory."""

from dialback.cli.publishing import assign, everything, publish
from dialback.domain.catalog import PublishedResource
from dialback.domain.directory import MAX_PAGE
from dialback.domain.ids import PoolId, ResourceName, UserId, UserName
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN, User
from dialback.store.memory import MemoryStore


async def test_published_and_assigned_resource_is_the_users_and_nobody_elses() -> None:
    directory = MemoryStore().directory
    pool = await directory.save(HostPool(MAIN, PoolId("p1"), "Office"))

    resource = await publish(directory, ResourceName("office"), pool.id, "127.0.0.1:3390")
    await assign(directory, resource, ["anna", "ANNA"])

    (anna,) = await everything(directory, User)
    found = await directory.published(MAIN, anna.id, resource.name)
    assert found is not None
    assert (found.pool, found.resource) == (pool, resource)
    await directory.save(User(MAIN, UserId("u2"), UserName("ben")))
    assert await directory.published(MAIN, UserId("u2"), resource.name) is None


async def test_everything_is_more_than_a_page() -> None:
    directory = MemoryStore().directory
    for number in range(MAX_PAGE + 1):
        await directory.save(User(MAIN, UserId(f"u{number}"), UserName(f"user {number}")))

    assert len(await everything(directory, User)) == MAX_PAGE + 1
    assert await everything(directory, PublishedResource) == []

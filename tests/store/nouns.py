"""Nouns of a directory for the tests of its stores."""

from dataclasses import replace
from typing import Any

from dialback.domain.catalog import ApplicationGroup, PublishedResource
from dialback.domain.directory import Directory
from dialback.domain.ids import (
    ApplicationGroupId,
    PoolId,
    ResourceId,
    ResourceName,
    TenantId,
    UserId,
    UserName,
)
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import Tenant, User

ACME = TenantId("acme")
USER = User(ACME, UserId("good"), UserName("good"))
POOL = HostPool(ACME, PoolId("good"), "Good pool")
DESKTOPS = ApplicationGroup(ACME, ApplicationGroupId("good"), "good", POOL.id)
DESKTOP = PublishedResource(ACME, ResourceId("good"), DESKTOPS.id, ResourceName("good"), "Good")
NOUNS: list[Any] = [USER, POOL, DESKTOPS, DESKTOP]


async def keep(directory: Directory) -> None:
    """Keep the tenant and, of each kind, a noun called good and one called bad."""
    await directory.save_tenant(Tenant(ACME, "Acme"))
    for noun in NOUNS:
        await directory.save(noun)
        await directory.save(replace(noun, id="bad", name="bad"))

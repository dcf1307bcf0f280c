"""The contract of `Icons`: one suite that every implementation passes."""

from collections.abc import AsyncIterator

import pytest

from dialback.domain.directory import NotThere
from dialback.domain.icons import Icon, Icons, icon_of
from dialback.domain.ids import TenantId
from dialback.domain.tenancy import Tenant
from dialback.store.memory_icons import MemoryIcons
from dialback.store.sql import SqlStore
from tests.contracts.openers import OPENERS

ACME, OTHER = TenantId("acme"), TenantId("other")
ICON = icon_of(ACME, b"\x89PNG\0\xff picture")
SECOND = icon_of(ACME, b"another")


@pytest.fixture(params=OPENERS)
async def icons(request: pytest.FixtureRequest) -> AsyncIterator[Icons]:
    store, directory = await OPENERS[request.param](request)
    for tenant in (ACME, OTHER):
        await directory.save_tenant(Tenant(tenant, tenant))
    if not isinstance(store, SqlStore):
        yield MemoryIcons(directory)
        return
    yield store.icons
    await store.close()


async def test_icon_comes_back_as_it_was(icons: Icons) -> None:
    await icons.save_icon(ICON)
    assert await icons.icon(ACME, ICON.id) == ICON


async def test_unknown_icon_is_none(icons: Icons) -> None:
    assert await icons.icon(ACME, ICON.id) is None
    assert await icons.icons(ACME) == []


async def test_saving_twice_is_the_same_as_once(icons: Icons) -> None:
    await icons.save_icon(ICON)
    await icons.save_icon(ICON)
    assert await icons.icons(ACME) == [ICON.id]


async def test_icons_are_listed_in_the_order_of_their_ids(icons: Icons) -> None:
    for icon in (ICON, SECOND):
        await icons.save_icon(icon)
    assert await icons.icons(ACME) == sorted([ICON.id, SECOND.id])


async def test_removed_icon_is_gone_and_another_stays(icons: Icons) -> None:
    for icon in (ICON, SECOND):
        await icons.save_icon(icon)
    assert await icons.remove_icon(ACME, ICON.id)
    assert not await icons.remove_icon(ACME, ICON.id)
    assert await icons.icons(ACME) == [SECOND.id]


async def test_icon_of_another_tenant_is_as_if_there_were_none(icons: Icons) -> None:
    await icons.save_icon(ICON)
    assert await icons.icon(OTHER, ICON.id) is None
    assert await icons.icons(OTHER) == []
    assert not await icons.remove_icon(OTHER, ICON.id)
    await icons.save_icon(Icon(OTHER, ICON.id, b"theirs"))
    assert await icons.icon(ACME, ICON.id) == ICON


async def test_icon_of_no_tenant_is_refused(icons: Icons) -> None:
    with pytest.raises(NotThere, match="tenant"):
        await icons.save_icon(Icon(TenantId("nobody"), ICON.id, b"x"))

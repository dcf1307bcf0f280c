"""Icons in a database: what was damaged is named, and nothing is kept beside its tenant."""

from pathlib import Path

import pytest
from sqlalchemy import text

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.icons import icon_of
from dialback.domain.tenancy import MAIN, Tenant
from dialback.store.open import open_store


async def test_damaged_icon_is_named(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        await store.directory.save_tenant(Tenant(MAIN, "Main"))
        icon = icon_of(MAIN, b"x")
        await store.icons.save_icon(icon)
        async with store._transaction() as connection:
            await connection.execute(text("UPDATE icons SET png = 'text'"))
        with pytest.raises(StoreUnavailable, match=icon.id):
            await store.icons.icon(MAIN, icon.id)
    finally:
        await store.close()

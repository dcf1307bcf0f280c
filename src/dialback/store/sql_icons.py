"""Icons in a database."""

from collections.abc import Sequence
from dataclasses import asdict

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.exc import IntegrityError

from dialback.domain.directory import NotThere
from dialback.domain.icons import Icon
from dialback.domain.ids import TenantId
from dialback.store.database import Database, translating
from dialback.store.icons_models import icons
from dialback.store.rows import validate

_ICON = TypeAdapter(Icon)


class SqlIcons(Database):
    """Implements `Icons` over an engine whose database has the current schema."""

    async def save_icon(self, icon: Icon) -> None:
        async with translating():
            try:
                await self._save(icons, asdict(icon))
            except IntegrityError as error:
                raise NotThere("the tenant is not there") from error

    async def icon(self, tenant: TenantId, id: str) -> Icon | None:
        row = await self._read_first(select(icons).where(_is(tenant, id)))
        return None if row is None else validate(_ICON, row, icons, id)

    async def icons(self, tenant: TenantId) -> Sequence[str]:
        query = select(icons.c.id).where(icons.c.tenant == tenant).order_by(icons.c.id)
        return [str(row["id"]) for row in await self._read(query)]

    async def remove_icon(self, tenant: TenantId, id: str) -> bool:
        return await self._write(delete(icons).where(_is(tenant, id))) > 0


def _is(tenant: TenantId, id: str) -> ColumnElement[bool]:
    return and_(icons.c.tenant == tenant, icons.c.id == id)

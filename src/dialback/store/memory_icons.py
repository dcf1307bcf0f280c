"""Icons in memory: for tests and trials, forgotten at the end of the process."""

from collections.abc import Sequence

from dialback.domain.directory import Directory, NotThere
from dialback.domain.icons import Icon
from dialback.domain.ids import TenantId


class MemoryIcons:
    """Implements `Icons` beside a directory; see there for what each method promises."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._icons: dict[tuple[TenantId, str], Icon] = {}

    async def save_icon(self, icon: Icon) -> None:
        if await self._directory.tenant(icon.tenant) is None:
            raise NotThere("the tenant is not there")
        self._icons[icon.tenant, icon.id] = icon

    async def icon(self, tenant: TenantId, id: str) -> Icon | None:
        return self._icons.get((tenant, id))

    async def icons(self, tenant: TenantId) -> Sequence[str]:
        return sorted(id for owner, id in self._icons if owner == tenant)

    async def remove_icon(self, tenant: TenantId, id: str) -> bool:
        return self._icons.pop((tenant, id), None) is not None

"""Pictures of published resources, by the tenant they belong to.

An icon's id is made from its bytes, so what an id stands for never changes: whoever has fetched it may keep
it. What is left out: how a picture is checked and which sizes are made of it (`web/feed/pictures.py`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from dialback.domain.ids import TenantId
from dialback.domain.names import check_id

ID_CHARS: Final = 32


@dataclass(frozen=True, slots=True)
class Icon:
    """A picture as it is kept: a PNG file of our own making."""

    tenant: TenantId
    id: str
    png: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_id(self.id, "icon")


def icon_of(tenant: TenantId, png: bytes) -> Icon:
    """Return the icon that the bytes are; the same bytes have the same id."""
    return Icon(tenant, hashlib.sha256(png).hexdigest()[:ID_CHARS], png)


class Icons(Protocol):
    """What is kept of pictures; every question names its tenant and is answered from that tenant alone."""

    async def save_icon(self, icon: Icon) -> None:
        """Keep the icon; saying it twice is the same as once. Raise `NotThere` if there is no such tenant."""

    async def icon(self, tenant: TenantId, id: str) -> Icon | None:
        """Return the icon of that id."""

    async def icons(self, tenant: TenantId) -> Sequence[str]:
        """Return the ids of all icons of the tenant, in their order."""

    async def remove_icon(self, tenant: TenantId, id: str) -> bool:
        """Forget the icon; False if there was none. Resources that name it get none."""

"""What the pages of the portal stand on, and what several of them share."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from dialback.domain.accounts import Accounts
from dialback.domain.approvals import Approvals
from dialback.domain.audit import Audit
from dialback.domain.catalog import PublishedResource
from dialback.domain.contracts import Store
from dialback.domain.directory import Directory
from dialback.domain.ids import HostId, ResourceName, TenantId
from dialback.domain.live import LiveConnections
from dialback.domain.orders import SessionOrders
from dialback.identity.authenticator import Authenticator
from dialback.identity.signing import SigningKey
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.connection_files import ConnectionFiles
from dialback.web.consents import Consents
from dialback.web.notes import Notes
from dialback.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Portal:
    """What the pages need of other parts; `address` is `NAME:PORT`, as browsers and clients reach us.

    Without `orders` nobody reaches the hosts' agents, without `connections` no gateway is reached, and pages
    offer nothing that would need it.
    `platform_key` is the public half of the key that signs flight records.
    """

    pages: Pages
    notes: Notes
    directory: Directory
    store: Store
    accounts: Accounts
    approvals: Approvals
    consents: Consents
    audit: Audit
    authenticator: Authenticator
    files: ConnectionFiles
    publisher: SigningKey
    address: str
    now: Callable[[], datetime]
    orders: SessionOrders | None = None
    connections: LiveConnections | None = None
    platform_key: bytes = b""
    provider_settings: ProviderSettings = field(default_factory=ProviderSettings)


def mark_of(*shown: object) -> str:
    """Return a text that changes with what is shown: a part that is the same is not sent again."""
    return hashlib.sha256(repr(shown).encode(errors="backslashreplace")).hexdigest()[:16]


def titles_of(resources: Iterable[PublishedResource]) -> dict[ResourceName, str]:
    """Return the title of each resource, by alias."""
    return {resource.name: resource.title for resource in resources}


async def host_names(store: Store, tenant: TenantId, ids: Iterable[HostId | None]) -> dict[HostId, str]:
    """Return the name of each host that is the tenant's."""
    wanted = {id for id in ids if id is not None}
    return await store.host_names(tenant, wanted) if wanted else {}

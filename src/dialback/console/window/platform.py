"""What the window knows of the platform: tenants and hosts as they are now, and how to ask for a way.

The classes take the API's own fields and leave out what no window shows. Names, systems and versions are the
words of tenants and their hosts: they are escaped where they are shown, and nowhere else.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dialback.console.connecting import Access
from dialback.console.legs import Gateway
from dialback.domain.consent import ConsentScope
from dialback.domain.hosts import HostReport
from dialback.domain.ids import HostId, TenantId


@dataclass(frozen=True, slots=True)
class Host:
    """A tenant's host as it is now."""

    id: HostId
    name: str
    link_up: bool
    link_changed_at: datetime | None = None
    failed: tuple[str, ...] = ()
    sessions: int = 0
    agent_version: str = ""
    public_key: str = ""
    report: HostReport | None = None
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant whom the technician serves, without its hosts."""

    id: TenantId
    name: str
    hosts_up: int = 0
    hosts_down: int = 0
    suspended: bool = False
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A host of a tenant; `name` is how people call both, `TENANT/HOST`."""

    tenant: TenantId
    host: HostId
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a technician wants: where to, and why. An empty `target` is where the RDP server was found."""

    place: Place
    purpose: str
    ticket_number: str = ""
    target: str = ""
    user: str = ""


class Platform(Protocol):
    """The platform, asked by the technician. Every method raises `Problem`, `Refused` or `OSError`."""

    async def tenants(self) -> Sequence[Tenant]:
        """Return the tenants whom the technician serves."""

    async def hosts(self, tenant: TenantId) -> Sequence[Host]:
        """Return a tenant's hosts as they are now."""

    async def access(self, order: Order, scope: ConsentScope) -> tuple[Access, Gateway]:
        """Ask for a way; return it, and the gateway through which it leads."""


class Reach(Protocol):
    """Opens the platform for as long as the console runs."""

    def __call__(self) -> AbstractAsyncContextManager[Platform]: ...

"""The provider: its staff, which tenants they serve, and the terms on which a tenant is served.

Staff are users of a tenant of their own, `provider`, so that they sign in like everybody else and no tenant's
administrator can make one. Nobody of them reaches anything by their role alone: a technician reaches the
tenants, or tags of tenants, they were assigned, within the tenant's terms; and then the host itself decides
(`domain/consent.py`). An auditor reads and reaches nothing.
"""

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from dialback.domain.consent import MAX_WAIT, ConsentRequest, ConsentState, Denial
from dialback.domain.errors import Reason, Refused
from dialback.domain.flight import Flight, SignedHead
from dialback.domain.ids import ConnectionId, GrantId, TenantId, UserId, UserName
from dialback.domain.names import check_id, check_name

PROVIDER: Final = TenantId("provider")
"""The tenant of the provider's own staff."""
MAX_TAGS = 32


class StaffRole(StrEnum):
    """What somebody of the provider may do, the most powerful first."""

    ADMINISTRATOR = "provider-administrator"
    """Manages tenants, terms and staff; reaches hosts as a technician does."""
    TECHNICIAN = "technician"
    AUDITOR = "auditor"

    def includes(self, other: "StaffRole") -> bool:
        """Say whether who has this role may what `other` may."""
        ranks = list(StaffRole)
        return ranks.index(self) <= ranks.index(other)


@dataclass(frozen=True, slots=True)
class Staff:
    """A user of the tenant `provider` and whom they serve: tenants by id, and those that carry a tag."""

    user: UserId
    role: StaffRole = StaffRole.TECHNICIAN
    tenants: frozenset[TenantId] = frozenset()
    tags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check_tags(self.tags)
        for tenant in self.tenants:
            check_id(tenant, "tenant id")


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a tenant is served. None, in a limit or an instant, is none.

    `most_connections` counts those open at once; `most_bytes_s` is what the relay moves for the tenant in a
    second, both ways together; `most_bytes_month` what it moves in a calendar month in UTC.
    """

    tenant: TenantId
    tags: frozenset[str] = frozenset()
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    suspended_at: datetime | None = None
    most_connections: int | None = None
    most_bytes_s: int | None = None
    most_bytes_month: int | None = None
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        _check_tags(self.tags)
        if self.begins_at and self.ends_at and self.begins_at >= self.ends_at:
            raise ValueError("expected a lease that ends after it begins")
        for what in ("most_connections", "most_bytes_s", "most_bytes_month"):
            limit = getattr(self, what)
            if limit is not None and limit < 1:
                raise ValueError(f"expected 1 or more as {what}, got {limit}")


@dataclass(frozen=True, slots=True)
class TenantUse:
    """What a tenant uses now: connections that are open, and bytes moved this month."""

    connections: int = 0
    bytes_month: int = 0


@dataclass(frozen=True, slots=True)
class ConsentKey:
    """A key whose signature gives a tenant's consent; only the public half, 32 bytes, is ever here."""

    tenant: TenantId
    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name, "name of the consent key")
        if len(self.public_key) != 32:
            raise ValueError(f"expected a public key of 32 bytes, got {len(self.public_key)}")


@dataclass(frozen=True, slots=True)
class KeptGrant:
    """A signed grant as the platform keeps it: its text is for the host, which verifies it.

    `signatures` counts those in the text, whether they hold or not.
    """

    tenant: TenantId
    id: GrantId
    request: str
    text: str
    until: datetime
    revoked_at: datetime | None = None
    signatures: int = 1


def visitor_name(staff: str) -> UserName:
    """Return by what name a staff member is known among a tenant's users: no user of the tenant has it."""
    return UserName(f"{PROVIDER}\\{staff}")


def serves(staff: Staff, terms: Terms) -> bool:
    """Say whether a tenant on these terms is among those that the staff member serves."""
    return terms.tenant in staff.tenants or bool(staff.tags & terms.tags)


def sees(staff: Staff, terms: Terms) -> bool:
    """Say whether the staff member sees a tenant on these terms: one they serve, an administrator any."""
    if terms.tenant == PROVIDER:
        return False
    return staff.role is StaffRole.ADMINISTRATOR or serves(staff, terms)


def check_terms(terms: Terms, now: datetime) -> None:
    """Raise `Refused` unless the tenant is served now.

    Raises:
        Refused: `TENANT_SUSPENDED` or `TENANT_LEASE_OVER`.
    """
    if terms.suspended_at is not None:
        raise Refused(Reason.TENANT_SUSPENDED, f"since {terms.suspended_at:%Y-%m-%d %H:%M %Z}")
    if terms.begins_at is not None and now < terms.begins_at:
        raise Refused(Reason.TENANT_LEASE_OVER, f"it begins {terms.begins_at:%Y-%m-%d %H:%M %Z}")
    if terms.ends_at is not None and now >= terms.ends_at:
        raise Refused(Reason.TENANT_LEASE_OVER, f"it ended {terms.ends_at:%Y-%m-%d %H:%M %Z}")


def check_use(terms: Terms, use: TenantUse) -> None:
    """Raise `Refused` unless the tenant may have one more connection.

    Raises:
        Refused: `TENANT_LIMIT`, with the limit.
    """
    if terms.most_connections is not None and use.connections >= terms.most_connections:
        raise Refused(Reason.TENANT_LIMIT, f"{terms.most_connections} connections at once")
    if terms.most_bytes_month is not None and use.bytes_month >= terms.most_bytes_month:
        raise Refused(Reason.TENANT_LIMIT, f"{terms.most_bytes_month} bytes a month")


def month_of(now: datetime) -> str:
    """Return the month by which moved bytes are summed: `2026-11`, in UTC."""
    return f"{now.astimezone(UTC):%Y-%m}"


def state_of(
    request: ConsentRequest, grant: KeptGrant | None, denial: Denial | None, now: datetime
) -> ConsentState:
    """Return what became of the request.

    Args:
        grant: the newest that answers it.
    """
    if grant is None and denial is None:
        return ConsentState.WAITING if now < request.asked_at + MAX_WAIT else ConsentState.LAPSED
    if grant is None or denial is not None:
        return ConsentState.DENIED
    if grant.revoked_at is not None:
        return ConsentState.REVOKED
    return ConsentState.GRANTED if now < grant.until else ConsentState.EXPIRED


def check_reach(staff: Staff | None, terms: Terms, use: TenantUse, now: datetime) -> Staff:
    """Return the staff member if they may try to reach hosts of the tenant now.

    Raises:
        Refused: `STAFF_NOT_ASSIGNED`, or as `check_terms` and `check_use` do.
    """
    if staff is None or staff.role is StaffRole.AUDITOR or not serves(staff, terms):
        raise Refused(Reason.STAFF_NOT_ASSIGNED, str(terms.tenant))
    check_terms(terms, now)
    check_use(terms, use)
    return staff


def check_console(address: str, networks: Iterable[str], outside: bool) -> None:
    """Raise `Refused` unless a console may be used from the address.

    Args:
        networks: the provider's own, in CIDR form.
        outside: whether consoles may be used from elsewhere too.

    Raises:
        Refused: `CONSOLE_OUTSIDE`.
    """
    if outside:
        return
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        raise Refused(Reason.CONSOLE_OUTSIDE, "an address nobody knows") from None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if not any(found in ipaddress.ip_network(network) for network in networks):
        raise Refused(Reason.CONSOLE_OUTSIDE, address)


def _check_tags(tags: frozenset[str]) -> None:
    if len(tags) > MAX_TAGS:
        raise ValueError(f"expected {MAX_TAGS} tags at most, got {len(tags)}")
    for tag in tags:
        check_id(tag, "tag")


class Provider(Protocol):
    """What is kept for the provider: staff, terms, and what tenants were asked and answered."""

    async def save_staff(self, staff: Staff) -> None:
        """Keep the staff member in place of what was said of the user; raise `NotThere` without the user."""

    async def staff(self, user: UserId) -> Staff | None:
        """Return the staff member who is that user."""

    async def all_staff(self) -> Sequence[Staff]:
        """Return everybody, by user id."""

    async def remove_staff(self, user: UserId) -> bool:
        """Take them off the staff; False if they were not on it."""

    async def save_terms(self, terms: Terms) -> Terms:
        """Keep the terms; raise `NotThere` without the tenant, `VersionStale` if they were changed."""

    async def terms(self, tenant: TenantId) -> Terms:
        """Return the tenant's terms; without any, those that limit nothing."""

    async def all_terms(self) -> Sequence[Terms]:
        """Return the terms of every tenant, by tenant id."""

    async def add_bytes(self, tenant: TenantId, month: str, count: int) -> int:
        """Add to the bytes moved for the tenant in a month, `2026-11`; return the new sum."""

    async def bytes_in(self, tenant: TenantId, month: str) -> int:
        """Return the bytes moved for the tenant in the month."""

    async def save_consent_key(self, key: ConsentKey) -> None:
        """Keep a consent key, in place of an older one of its tenant and name."""

    async def consent_keys(self, tenant: TenantId) -> Sequence[ConsentKey]:
        """Return the tenant's consent keys, by name."""

    async def remove_consent_key(self, tenant: TenantId, name: str) -> bool:
        """Forget the key; False if there was none."""

    async def ask_consent(self, request: ConsentRequest) -> None:
        """Keep what was asked."""

    async def consent_request(self, tenant: TenantId, id: str) -> ConsentRequest | None:
        """Return what was asked under the id."""

    async def consent_requests(self, tenant: TenantId, limit: int = 100) -> Sequence[ConsentRequest]:
        """Return what was asked of the tenant, newest first."""

    async def deny_consent(self, tenant: TenantId, id: str, by: str, now: datetime) -> bool:
        """Deny the request; False if there is none, or it was denied before."""

    async def denials(self, tenant: TenantId, requests: Collection[str]) -> Mapping[str, Denial]:
        """Return those of the requests that were denied, by request."""

    async def save_grant(self, grant: KeptGrant) -> bool:
        """Keep a grant, in place of one of its id and request with fewer signatures.

        False if another has its id, with as many signatures or revoked: nothing is changed then.
        """

    async def grant_for(self, tenant: TenantId, request: str) -> KeptGrant | None:
        """Return the newest grant that answers the request, revoked or not."""

    async def grants(self, tenant: TenantId, limit: int = 100) -> Sequence[KeptGrant]:
        """Return the tenant's grants, newest first."""

    async def revoke_grant(self, tenant: TenantId, id: GrantId, now: datetime) -> bool:
        """Revoke the grant, once and for all; False if there is none."""

    async def prune_consent(self, before: datetime) -> int:
        """Forget requests that were asked, and grants that were over, before the instant; return how many."""

    async def append_flight(self, tenant: TenantId, lines: Sequence[str]) -> None:
        """Add entries to the flight record of their connection; one that is kept already changes nothing.

        Args:
            lines: as `flight.build` spells them, of one connection, in their order.

        Raises:
            FlightProblem: as `flight.follow` does; nothing is kept of the lines then.
        """

    async def sign_flight(self, tenant: TenantId, signed: SignedHead) -> None:
        """Keep a signed head of a chain; see `flight.merge` for what becomes of an older one.

        Raises:
            FlightProblem: it is no head of the chain that is kept.
        """

    async def flight(self, tenant: TenantId, connection_id: ConnectionId) -> Flight | None:
        """Return what is kept of the connection's chain."""

    async def flights(self, tenant: TenantId, limit: int = 100) -> Sequence[Flight]:
        """Return the tenant's chains, newest first."""

    async def flight_lines(self, tenant: TenantId, connection_id: ConnectionId) -> Sequence[str]:
        """Return the chain as it is kept, in its order; whether it is whole is for who reads it to check."""

    async def prune_flights(self, before: datetime) -> int:
        """Forget the chains of every tenant that began before the instant; return how many."""

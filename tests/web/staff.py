"""The provider's staff, one of each kind, for the stages of portal and API."""

from typing import Final

from dialback.domain.directory import Directory
from dialback.domain.ids import TenantId, UserId, UserName
from dialback.domain.provider import PROVIDER, Provider, Staff, StaffRole, Terms
from dialback.domain.tenancy import MAIN, Tenant, User

_ACME: Final = TenantId("acme")
STAFF: Final = (
    Staff(UserId("pia"), StaffRole.ADMINISTRATOR),
    Staff(UserId("tess"), StaffRole.TECHNICIAN, frozenset({_ACME})),
    Staff(UserId("timo"), StaffRole.TECHNICIAN, tags=frozenset({"gold"})),
    Staff(UserId("aida"), StaffRole.AUDITOR, frozenset({_ACME})),
)
"""Tess and Aida serve the tenant `acme`; Timo serves the tenant `main`, by its tag."""


async def save_staff(directory: Directory, provider: Provider) -> list[User]:
    """Keep the staff; return its users, and Nora, who is a user of the provider and not on its staff."""
    await directory.save_tenant(Tenant(PROVIDER, "Provider"))
    await provider.save_terms(Terms(MAIN, frozenset({"gold"})))
    ids = [*(member.user for member in STAFF), UserId("nora")]
    users = [await directory.save(User(PROVIDER, id, UserName(id))) for id in ids]
    for member in STAFF:
        await provider.save_staff(member)
    return users

"""Who there is: tenants, their users and groups, and the roles these have.

The tenant is the boundary of data, identity and policy: everything below belongs to exactly one, and an id
says nothing outside its tenant. A noun that breaks a rule cannot be made: its constructor raises `ValueError`
with the rule in words.

`version` counts how often the store has kept the noun. Zero, in a noun that was made by hand, stands for
"whatever is there"; it takes no part in comparison. What is left out: the provider's own staff, and how
somebody proves who they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from dialback.domain.ids import GroupId, TenantId, UserId, UserName
from dialback.domain.names import MAX_USER_CHARS, check_id, check_name, check_text

MAIN: Final = TenantId("main")
"""The tenant that is always there; the only one of an installation that serves one organisation."""


class Role(StrEnum):
    """What somebody may do in their tenant, the most powerful first; each may what those after it may."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    HELPDESK = "helpdesk"
    USER = "user"

    def includes(self, other: "Role") -> bool:
        """Say whether who has this role may what `other` may."""
        ranks = list(Role)
        return ranks.index(self) <= ranks.index(other)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer of the provider. `name` is what people read."""

    id: TenantId
    name: str
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        check_id(self.id, "tenant id")
        check_name(self.name, "tenant name")


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in, in exactly one tenant. `name` is what they sign in with, unlike any other's."""

    tenant: TenantId
    id: UserId
    name: UserName
    display_name: str = ""
    role: Role = Role.USER
    disabled_at: datetime | None = None
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        check_id(self.id, "user id")
        check_name(self.name, "user name", MAX_USER_CHARS)
        check_text(self.display_name, "display name", MAX_USER_CHARS)


@dataclass(frozen=True, slots=True)
class Group:
    """Users to whom things are assigned together. Members have at least its `role`."""

    tenant: TenantId
    id: GroupId
    name: str
    role: Role = Role.USER
    version: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        check_id(self.id, "group id")
        check_name(self.name, "group name")


def role_of(user: User, groups: Iterable[Group]) -> Role:
    """Return the role of a user who is in the groups: the most powerful of all."""
    given = {user.role, *(group.role for group in groups)}
    return next(role for role in Role if role in given)

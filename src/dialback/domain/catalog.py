"""What is published: resources, and who may use them."""

import re
from dataclasses import dataclass

from dialback.domain.hosts import DEFAULT_TARGET
from dialback.domain.ids import HostId, ResourceName, UserName

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_USER = re.compile(
    r"[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]{1,104}"
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One desktop a user can start: `target` on the host `host_id`, known to clients by its name alone."""

    name: ResourceName
    host_id: HostId
    target: str = DEFAULT_TARGET


@dataclass(frozen=True, slots=True)
class Assignment:
    """The user may use the resource."""

    user: UserName
    resource: ResourceName


def parse_resource_name(text: str) -> ResourceName:
    """Parse a resource name: 1 to 63 of `a-z 0-9 -`, since clients use it like a DNS label.

    Raises:
        ValueError: with the rule in words.
    """
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"expected 1 to 63 of a-z, 0-9 and inner hyphens as resource name, got {text[:80]!r}"
        )
    return ResourceName(text)


def parse_user_name(text: str) -> UserName:
    """Parse a user name: 1 to 104 characters, none of them a control, a line break or a direction mark.

    Raises:
        ValueError: with the rule in words.
    """
    if not _USER.fullmatch(text):
        raise ValueError(f"expected 1 to 104 printable characters as user name, got {text[:80]!r}")
    return UserName(text)


def alias_of(full_address: str) -> str:
    """Return the alias inside the name a client asks for: without trailing dot or NUL, in lower case."""
    return full_address.rstrip("\0.").casefold()

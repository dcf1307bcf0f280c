"""Distinct types for the ids that travel together, so that none is passed in another's place."""

from typing import NewType

ConnectionId = NewType("ConnectionId", str)
"""One attempt to reach a resource; made by the gateway, 22 base64url characters."""

HostId = NewType("HostId", str)
"""One enrolled session host; made by the broker at enrolment, 16 base64url characters."""

ResourceName = NewType("ResourceName", str)
"""The alias of a resource: what `full address` in a connection file names."""

UserName = NewType("UserName", str)
"""The name a user is known by to the broker."""

TokenHash = NewType("TokenHash", str)
"""SHA-256 of an opaque token, 64 hexadecimal characters: all that is ever stored of one."""

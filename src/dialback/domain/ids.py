"""Distinct types for the ids that travel together, so that none is passed in another's place."""

from typing import NewType

ConnectionId = NewType("ConnectionId", str)
"""One attempt to reach a resource; made by the gateway, 22 base64url characters."""

HostId = NewType("HostId", str)
"""One enrolled session host; made by the broker at enrolment, 16 base64url characters."""

ResourceName = NewType("ResourceName", str)
"""The alias of a resource: what `full address` in a connection file names."""

TenantId = NewType("TenantId", str)
"""One tenant; chosen when it is made, like a name: the first is `main`."""

UserId = NewType("UserId", str)
"""One user of a tenant; it stays when the name changes."""

GroupId = NewType("GroupId", str)
"""One group of a tenant."""

WorkspaceId = NewType("WorkspaceId", str)
"""One workspace of a tenant."""

PoolId = NewType("PoolId", str)
"""One host pool of a tenant."""

ApplicationGroupId = NewType("ApplicationGroupId", str)
"""One application group of a tenant."""

ResourceId = NewType("ResourceId", str)
"""One resource of a tenant; it stays when the alias changes."""

SessionId = NewType("SessionId", str)
"""One session on a host, by the host's own numbering; it says nothing without the host."""

GrantId = NewType("GrantId", str)
"""One grant of a tenant; made by whoever approves."""

UserName = NewType("UserName", str)
"""The name a user is known by to the broker."""

TokenHash = NewType("TokenHash", str)
"""SHA-256 of an opaque token, 64 hexadecimal characters: all that is ever stored of one."""

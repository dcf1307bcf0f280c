"""Session hosts, what their agents report, and the targets an agent may dial.

A target is where the RDP server of a resource listens, seen from the host: `127.0.0.1:3389`,
`[::1]:3389`, `unix:/run/xrdp.sock`, or `name:port` of a machine in the host's LAN.
"""

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime

from dialback.domain.ids import HostId, PoolId, TenantId, TokenHash
from dialback.domain.management import ManagementOffer
from dialback.domain.tenancy import MAIN

DEFAULT_TARGET = "127.0.0.1:3389"

_UNIX = re.compile(r"unix:(/[^\x00-\x1f\x7f\ud800-\udfff]{1,100})")
_TCP = re.compile(
    r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)):([0-9]{1,5})"
)


@dataclass(frozen=True, slots=True)
class Target:
    """An address an agent dials: either the `path` of a Unix socket, or `name` (or address) and `port`."""

    path: str = ""
    name: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def parse_target(text: str) -> Target:
    """Parse a target.

    Raises:
        ValueError: the text is no target; the message says which forms there are.
    """
    if match := _UNIX.fullmatch(text):
        return Target(path=match[1])
    match = _TCP.fullmatch(text)
    if match and 1 <= int(match[3]) <= 65535 and (match[1] is None or _is_ipv6(match[1])):
        return Target(name=(match[1] or match[2]).lower(), port=int(match[3]))
    raise ValueError(f"expected NAME:PORT, [IPV6]:PORT or unix:/PATH as target, got {text[:80]!r}")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class RdpServer:
    """What an agent's probe found at a target.

    `security` names what the server selects when offered everything: `rdp`, `tls`, `hybrid` or `hybrid-ex`.
    `tls_version` and `certificate_sha256` (64 hexadecimal characters) are empty where TLS was not reached.
    `problem` is empty, or says in words why the probe failed. `signature` is the host key's of the
    certificate at `signed_at`, both in the agent's own spelling; empty from agents that do not sign.
    """

    target: str
    answers: bool
    security: str = ""
    tls_version: str = ""
    certificate_sha256: str = ""
    problem: str = ""
    signed_at: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class HostReport:
    """What an agent says of its host; every text is the agent's own claim and is escaped where shown.

    `management` is None if the host is not to be managed, or its agent does not say.
    """

    host_name: str
    system: str
    agent_version: str
    rdp_servers: tuple[RdpServer, ...] = ()
    management: ManagementOffer | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """An enrolled session host. `public_key` is the raw Ed25519 key, 32 bytes."""

    id: HostId
    name: str
    public_key: bytes
    enrolled_at: datetime
    revoked_at: datetime | None = None
    link_up: bool = False
    link_changed_at: datetime | None = None
    report: HostReport | None = None
    reported_at: datetime | None = None
    tenant: TenantId = MAIN


@dataclass(frozen=True, slots=True)
class JoinCode:
    """What the store keeps of a join code: its secret's hash, its life, and the host it makes.

    The host joins `pool`; without one it gets a pool of its own.
    """

    hash: TokenHash
    host_name: str
    expires_at: datetime
    used_at: datetime | None = None
    tenant: TenantId = MAIN
    pool: PoolId | None = None

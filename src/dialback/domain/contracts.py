"""The interfaces between roles and what stands behind them.

Gateway asks `Broker`; broker asks `Store`. Each is small, has one default and one suite that every
implementation passes (`tests/contracts`). Methods raise `Refused`; a store that cannot answer raises
`StoreUnavailable`. Who may use what is asked of `Directory`, in `domain/directory.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dialback.domain.access import ConnectionToken, TokenUse
from dialback.domain.catalog import Resource
from dialback.domain.errors import Problem
from dialback.domain.hosts import Host, HostReport, JoinCode
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TokenHash, UserName
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord


class StoreUnavailable(Problem):
    """The store cannot answer; the message is one sentence that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The broker's answer to a token: who came, and what the token opens."""

    user: UserName
    resource: ResourceName
    token_hash: TokenHash
    redirection_flags: int = 0x80000000
    idle_timeout_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Placement:
    """The host the broker chose, the key by which its host leg is known, and the target it is to dial."""

    host_id: HostId
    host_key: bytes
    target: str


@dataclass(frozen=True, slots=True)
class DialOrder:
    """What an agent needs to dial a gateway: where, whom to expect there, with which ticket, to which target.

    `gateway` is `name:port` of the node that holds the client leg; `certificate_sha256` is 64 hexadecimal
    characters of that node's leaf certificate.
    """

    connection_id: ConnectionId
    host_id: HostId
    gateway: str
    certificate_sha256: str
    ticket: Secret
    target: str
    user: UserName


class Broker(Protocol):
    """The four questions a gateway asks, and the two reports it makes."""

    async def admit(self, token: Secret) -> Admission:
        """Say whom the token admits; raise `Refused` if nobody."""

    async def place(self, admission: Admission, alias: str) -> Placement:
        """Choose the session host for the alias; raise `Refused` if the admission does not open it."""

    async def dial(self, order: DialOrder) -> None:
        """Order the host's agent to dial; return when it says it has; raise `Refused` if it does not."""

    async def opened(self, record: ConnectionRecord) -> None:
        """Keep the record of a connection whose relay begins. Never raises: records wait for the store."""

    async def ended(self, record: ConnectionRecord) -> None:
        """Keep the record of a connection that ended or was refused. Never raises."""


class Enrolment(Protocol):
    """How a host becomes known to the platform."""

    async def enrol(self, join_secret: Secret, public_key: bytes, report: HostReport) -> Host:
        """Use up the join code and return the new host; raise `Refused` if the code is good no more."""


class Store(Protocol):
    """What the broker remembers. Instants are aware datetimes in UTC."""

    async def save_join_code(self, code: JoinCode) -> None:
        """Keep a new join code."""

    async def enrol_host(self, code: TokenHash, host: Host, now: datetime) -> Host:
        """Use up the join code and keep the host, both or neither; the host gets the code's host name.

        Raises:
            Refused: `JOIN_CODE_UNKNOWN`, `JOIN_CODE_USED` or `JOIN_CODE_EXPIRED`.
        """

    async def host(self, host_id: HostId) -> Host | None:
        """Return the host, revoked or not."""

    async def hosts(self) -> Sequence[Host]:
        """Return every host, by name."""

    async def revoke_host(self, host_id: HostId, now: datetime) -> bool:
        """Revoke the host's key; False if there is no such host."""

    async def set_link(self, host_id: HostId, up: bool, at: datetime) -> None:
        """Note that the host's agent link went up or down."""

    async def all_links_down(self, at: datetime) -> None:
        """Note that no link is up: said once when a broker starts."""

    async def save_report(self, host_id: HostId, report: HostReport, at: datetime) -> None:
        """Keep the newest report of the host's agent."""

    async def save_resource(self, resource: Resource) -> None:
        """Keep the resource, in place of an older one of its name."""

    async def resource(self, name: ResourceName) -> Resource | None:
        """Return the resource of that name."""

    async def resources(self) -> Sequence[Resource]:
        """Return every resource, by name."""

    async def assign(self, user: UserName, resource: ResourceName) -> None:
        """Let the user use the resource; saying it twice is the same as once."""

    async def assigned(self, user: UserName, resource: ResourceName) -> bool:
        """Say whether the user may use the resource."""

    async def save_token(self, token: ConnectionToken) -> None:
        """Keep a new connection token."""

    async def token(self, token_hash: TokenHash) -> tuple[ConnectionToken | None, TokenUse]:
        """Return the token and what is known of the connections it opened."""

    async def revoke_token(self, token_hash: TokenHash, now: datetime) -> bool:
        """Revoke the token; False if there is no such token."""

    async def save_connection(self, record: ConnectionRecord) -> None:
        """Keep the record, in place of an older one of its id."""

    async def connection(self, connection_id: ConnectionId) -> ConnectionRecord | None:
        """Return the record of that id."""

    async def connections(self, limit: int = 50) -> Sequence[ConnectionRecord]:
        """Return the newest records first, `limit` at most."""

    async def close_open_connections(self, at: datetime) -> int:
        """End every record that is still open with `SERVER_STOPPED`: said once when a broker starts."""

    async def prune_connections(self, before: datetime) -> int:
        """Forget records that ended before the instant; return how many."""

    async def check(self) -> str:
        """Return the schema revision; raise `StoreUnavailable` if the store cannot answer."""

"""The interfaces between roles and what stands behind them.

Gateway asks `Broker`; broker asks `Store`, and `Approver` and `Waker` while a client is parked. Each is
small, has one default and one suite that every implementation passes (`tests/contracts`). Methods raise
`Refused`; a store that cannot answer raises `StoreUnavailable`. Who may use what is asked of `Directory`, in
`domain/directory.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dialback.domain.access import ConnectionToken, TokenKind, TokenUse
from dialback.domain.consent import ConsentRequest
from dialback.domain.directory import Directory, HostStanding, Page, Published
from dialback.domain.errors import Problem
from dialback.domain.hosts import Host, HostReport, JoinCode
from dialback.domain.ids import (
    ConnectionId,
    GrantId,
    HostId,
    PoolId,
    ResourceName,
    TenantId,
    TokenHash,
    UserId,
    UserName,
)
from dialback.domain.pools import HostPool, Redirection
from dialback.domain.records import EVERY_RECORD, RecordFilter
from dialback.domain.secret import Secret
from dialback.domain.sessions import Because, ConnectionRecord, Stage


class StoreUnavailable(Problem):
    """The store cannot answer; the message is one sentence that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The broker's answer to a token: who came, what the token opens, and what of the client it may use."""

    tenant: TenantId
    user_id: UserId
    user: UserName
    resource: ResourceName
    token_hash: TokenHash
    redirections: frozenset[Redirection]
    kind: TokenKind = TokenKind.CONNECTION
    idle_timeout_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a client asks for on a connection: the alias, from which address, and what it calls itself.

    `client_name` is the client's own claim.
    """

    connection_id: ConnectionId
    alias: str
    client_address: str
    client_name: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody of the provider asks of a host, and the signed grant that is shown for it, if any."""

    request: ConsentRequest
    grant: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """The host the broker chose, the key by which its host leg is known, and the target it is to dial.

    `because` is the rule that chose it among the hosts of `pool`, which is empty where there was no choice.
    `parked_s` says for what the client was kept waiting, and how long. `notice` is what the user is to read
    once connected, if anything. `visit` is there if it is for somebody of the provider. `most_bytes_s` is the
    bandwidth of the tenant, which all of its relays share; None is no limit.
    """

    host_id: HostId
    host_name: str
    host_key: bytes
    target: str
    because: Because
    pool: PoolId
    parked_s: Mapping[Stage, float] = field(default_factory=dict)
    notice: str = ""
    visit: Visit | None = None
    most_bytes_s: int | None = None


@dataclass(frozen=True, slots=True)
class DialOrder:
    """What an agent needs to dial a gateway: where, whom to expect there, with which ticket, to which target.

    `gateway` is `name:port` of the node that holds the client leg; `certificate_sha256` is 64 hexadecimal
    characters of that node's leaf certificate. `visit` is what the agent judges first, if it is there.
    """

    connection_id: ConnectionId
    host_id: HostId
    gateway: str
    certificate_sha256: str
    ticket: Secret
    target: str
    user: UserName
    visit: Visit | None = None


class Broker(Protocol):
    """The five questions a gateway asks, and the two reports it makes."""

    async def admit(self, token: Secret) -> Admission:
        """Say whom the token admits; raise `Refused` if nobody."""

    async def place(self, admission: Admission, attempt: Attempt) -> Placement:
        """Choose the session host for the alias; raise `Refused` if there is none.

        It takes as long as somebody needs to approve, or a host to wake. Cancel-safe.
        """

    async def dial(self, order: DialOrder) -> None:
        """Order the host's agent to dial; return when it says it has; raise `Refused` if it does not."""

    async def consent(self, placement: Placement, attempt: Attempt) -> Placement:
        """Return what to order next, the host having refused a visit with `CONSENT_WANTED`.

        It takes until the tenant has answered, or until it is time to ask the host again: somebody may have
        approved there. Raise `Refused` if the tenant has denied it or nobody answers in time. Cancel-safe.
        """

    async def opened(self, record: ConnectionRecord) -> None:
        """Keep the record of a connection whose relay begins. Never raises: records wait for the store."""

    async def ended(self, record: ConnectionRecord) -> None:
        """Keep the record of a connection that ended or was refused. Never raises."""


class Approver(Protocol):
    """Who is asked whether a connection may be opened."""

    async def approve(self, admission: Admission, published: Published, attempt: Attempt) -> str:
        """Return once it is approved, which is at once if nobody needs to; raise `Refused` if it is not.

        Returns:
            What the user is to read once connected: who approved it, and when. Empty if nobody needed to.
        """


class Waker(Protocol):
    """What wakes session hosts."""

    async def wake(self, pool: HostPool, host: HostStanding) -> None:
        """Wake the host and return once it can be connected to; raise `Refused` if it does not come up."""

    def wakes(self, host_id: HostId) -> bool:
        """Say whether the host is being woken: its link may stand before it can be connected to."""


class ConsentEvents(Protocol):
    """Who is told what a tenant has decided, once it is kept; never raises.

    What somebody else's node has to hear of, the implementation finds in the store.
    """

    async def granted(self, tenant: TenantId, request_id: str) -> None:
        """The tenant has granted the request, or signed its grant once more."""

    async def denied(self, tenant: TenantId, request_id: str) -> None:
        """The tenant has denied the request."""

    async def revoked(self, tenant: TenantId, grant_id: GrantId) -> None:
        """The tenant has revoked the grant: what it opened is over within two seconds."""


class Enrolment(Protocol):
    """How a host becomes known to the platform."""

    async def enrol(self, join_secret: Secret, public_key: bytes, report: HostReport) -> Host:
        """Use up the join code and return the new host; raise `Refused` if the code is good no more."""


class Store(Protocol):
    """What the broker remembers. Instants are aware datetimes in UTC."""

    @property
    def directory(self) -> Directory:
        """The directory that is kept in the same place."""

    async def save_join_code(self, code: JoinCode) -> None:
        """Keep a new join code."""

    async def enrol_host(self, code: TokenHash, host: Host, now: datetime) -> Host:
        """Use up the join code, keep the host and put it into its pool, all or nothing.

        The host gets the code's tenant and host name. Its pool is the code's, or a new one of its own.

        Raises:
            Refused: `JOIN_CODE_UNKNOWN`, `JOIN_CODE_USED`, `JOIN_CODE_EXPIRED` or `JOIN_CODE_POOL_GONE`.
        """

    async def host(self, tenant: TenantId, host_id: HostId) -> Host | None:
        """Return the tenant's host of that id, revoked or not."""

    async def hosts(self, tenant: TenantId) -> Sequence[Host]:
        """Return the hosts of the tenant, revoked or not, by name."""

    async def hosts_of(self, tenants: Collection[TenantId]) -> Sequence[Host]:
        """Return the hosts of all these tenants, revoked or not, by name."""

    async def host_names(self, tenant: TenantId, ids: Collection[HostId]) -> dict[HostId, str]:
        """Return the name of each of these hosts that is the tenant's, revoked or not."""

    async def any_host(self, host_id: HostId) -> Host | None:
        """Return the host of that id, whose tenant is not known yet: for who has the host's own word for it.

        What is asked for by a person names the tenant; see `host`.
        """

    async def all_hosts(self) -> Sequence[Host]:
        """Return every host of every tenant, by name: for who runs the server."""

    async def revoke_host(self, host_id: HostId, now: datetime) -> bool:
        """Revoke the host's key and forget its sessions; False if there is no such host."""

    async def set_link(self, host_id: HostId, up: bool, at: datetime) -> None:
        """Note that the host's agent link went up or down."""

    async def all_links_down(self, at: datetime) -> None:
        """Note that no link is up: said once when a broker starts."""

    async def save_report(self, host_id: HostId, report: HostReport, at: datetime) -> None:
        """Keep the newest report of the host's agent."""

    async def save_token(self, token: ConnectionToken) -> None:
        """Keep a new connection token."""

    async def token(self, token_hash: TokenHash) -> tuple[ConnectionToken | None, TokenUse]:
        """Return the token and what is known of the connections it opened."""

    async def revoke_token(self, token_hash: TokenHash, now: datetime) -> bool:
        """Revoke the token; False if there is no such token."""

    async def tokens_of(self, tenant: TenantId, user_id: UserId) -> Sequence[ConnectionToken]:
        """Return the tokens of the user, newest first, whatever became of them."""

    async def revoke_tokens_of(self, tenant: TenantId, user_id: UserId, now: datetime) -> int:
        """Revoke every token of the user that is not revoked; return how many."""

    async def prune_tokens(self, before: datetime) -> int:
        """Forget tokens that expired before the instant and have no open connection; return how many."""

    async def save_connection(self, record: ConnectionRecord) -> None:
        """Keep the record, in place of an older one of its id."""

    async def connection(
        self, tenant: TenantId | None, connection_id: ConnectionId
    ) -> ConnectionRecord | None:
        """Return the tenant's record of that id; see `connections` for None."""

    async def connections(
        self, tenant: TenantId | None, limit: int = 50, user: UserName | None = None
    ) -> Sequence[ConnectionRecord]:
        """Return the tenant's newest records first, `limit` at most; if a user is named, theirs alone.

        Without a tenant they are those of nobody: attempts whose token admitted no one.
        """

    async def connection_page(
        self, tenant: TenantId | None, wanted: RecordFilter = EVERY_RECORD, after: str = "", limit: int = 100
    ) -> Page[ConnectionRecord]:
        """Return the tenant's records that are wanted, newest first, from the cursor on.

        Raises:
            CursorInvalid: `after` is neither empty nor what a page said.
        """

    async def cursor_before(
        self, tenant: TenantId | None, wanted: RecordFilter, after: str, limit: int = 100
    ) -> str:
        """Return the cursor of the page before the one that begins at the cursor; empty if that is the first.

        Raises:
            CursorInvalid: `after` is not what a page said.
        """

    async def close_open_connections(self, at: datetime) -> int:
        """End every record that is still open with `SERVER_STOPPED`: said once when a broker starts."""

    async def prune_connections(self, before: datetime) -> int:
        """Forget records that ended before the instant; return how many."""

    async def check(self) -> str:
        """Return the schema revision; raise `StoreUnavailable` if the store cannot answer."""

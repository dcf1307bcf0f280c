"""Connections: their stages, their totals, and the record that is kept of each; and sessions on hosts.

A session is the user's log-on on a host and outlives connections. Only its host knows it: what is kept is the
host's newest list, and a session that is not on it is gone.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, HostId, ResourceName, SessionId, TenantId, TokenHash, UserName
from dialback.domain.names import MAX_USER_CHARS, check_id, check_name, key_of


class Stage(StrEnum):
    """A step in the life of a connection, in the order in which they happen.

    `HANDSHAKE` is what the client's own rounds took, between the answers to its requests; `APPROVE`, `WAKE`
    and `CONSENT` are how long it was parked.
    """

    TLS = "tls"
    HEAD = "head"
    HANDSHAKE = "handshake"
    ADMIT = "admit"
    APPROVE = "approve"
    PLACE = "place"
    WAKE = "wake"
    CONSENT = "consent"
    DIAL = "dial"
    REVERSE = "reverse"
    FIRST_BYTE = "first-byte"
    END = "end"


class Because(StrEnum):
    """Which rule chose a host; kept with the connection."""

    EXISTING_SESSION = "existing-session"
    OWN_HOST = "own-host"
    FREE_HOST = "free-host"
    BREADTH_FIRST = "breadth-first"
    DEPTH_FIRST = "depth-first"
    ASKED_FOR = "asked-for"
    """Somebody of the provider asked for this very host."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Bytes of the RDP stream that the relay moved, framing not counted."""

    to_client_bytes: int = 0
    to_host_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """What is kept of a connection.

    `timeline` maps each stage that was reached to its duration in milliseconds. `ended_at` and `reason` are
    None while the connection is open. `client_address` is where the client leg came from, without its port.
    `tenant` is None while nobody is admitted, `because` while no host is chosen.
    """

    id: ConnectionId
    opened_at: datetime
    transport: str
    client_address: str
    client_name: str = ""
    tenant: TenantId | None = None
    user: UserName | None = None
    resource: ResourceName | None = None
    host_id: HostId | None = None
    because: Because | None = None
    token_hash: TokenHash | None = None
    ended_at: datetime | None = None
    reason: Reason | None = None
    detail: str = ""
    totals: Totals = Totals()
    timeline: dict[Stage, float] = field(default_factory=dict)

    @property
    def relayed(self) -> bool:
        """Whether its two legs have met."""
        return Stage.REVERSE in self.timeline


class SessionState(StrEnum):
    """Whether somebody looks at the session now."""

    ACTIVE = "active"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Session:
    """One session as its host reports it: `user` is the host's name for them, `since` when `state` began.

    `locked` says whether its screen is locked; None if the host cannot tell.

    Raises:
        ValueError: a text that no host reports in earnest.
    """

    tenant: TenantId
    host: HostId
    id: SessionId
    user: UserName
    state: SessionState
    since: datetime
    locked: bool | None = None

    def __post_init__(self) -> None:
        check_id(self.id, "session id")
        check_name(self.user, "user name", MAX_USER_CHARS)


def state_text(state: str, locked: bool | None) -> str:
    """Return a session's state as people read it."""
    return f"{state}, locked" if locked else state


def account_of(user: UserName) -> str:
    """Return the key of a user's name without its domain: of `CORP\\anna` and `anna@corp.example`, `anna`."""
    return _split(user)[1]


def is_session_of(session: Session, user: UserName) -> bool:
    """Say whether a session belongs to the user, whom the host may know by another form of the name.

    A name with a domain and one without are the same person if the rest is the same. Two domains that differ
    are two persons, unless one is the short form of the other, as `CORP` is of `corp.example`.
    """
    (theirs, account), (ours, wanted) = _split(session.user), _split(user)
    if account != wanted:
        return False
    if not theirs or not ours or theirs == ours:
        return True
    short, long = sorted((theirs, ours), key=len)
    return "." not in short and long.split(".")[0] == short


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """What a session has to be. What is empty is not asked for.

    Each of `users` has to be its user by `is_session_of`. `prefix` is how its user's name begins, without
    domain and in whatever case.
    """

    host: HostId | None = None
    users: frozenset[UserName] = frozenset()
    prefix: str = ""

    def wants(self, session: Session) -> bool:
        """Say whether the session is wanted."""
        return (
            self.host in (None, session.host)
            and account_of(session.user).startswith(account_of(UserName(self.prefix)))
            and all(is_session_of(session, user) for user in self.users)
        )


EVERY_SESSION = SessionFilter()


def _split(user: UserName) -> tuple[str, str]:
    """Return the keys of domain, which may be empty, and account."""
    if "\\" in user:
        domain, _, account = user.partition("\\")
    else:
        account, _, domain = user.partition("@")
    return key_of(domain), key_of(account)

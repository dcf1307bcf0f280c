"""Who may come in: the rules of connection tokens and resource tickets, as plain functions over facts.

A token is used several times by one user action (protocol retry, credential prompt, auto-reconnect), so it
opens as many tunnels as it likes until it expires, while a connection it opened is live, and for a short
grace after that connection ended. The grace follows every end, since a client that was killed looks like
one that was closed, and an agent that is restarted like a host that logged its user off.

A resource ticket, which lies in a feed's connection file, lives by the same rules for days. It is never
enough alone: what else is needed is asked when the connection is placed.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dialback.domain.directory import Published
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ResourceName, TenantId, TokenHash, UserId, UserName
from dialback.domain.tenancy import User

MAX_TOKEN_CHARS = 64
RECONNECT_GRACE = timedelta(minutes=2)
RELAY_ENDS = frozenset(
    {Reason.CLIENT_ENDED, Reason.HOST_ENDED, Reason.CLIENT_LOST, Reason.HOST_LOST, Reason.SERVER_STOPPED}
)
"""Ends of a connection that a token opened; any other reason is that of an attempt that opened nothing."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class TokenKind(StrEnum):
    """What a token is: one that opens a connection by itself, a feed's, or one of the provider's staff.

    That of the provider opens what one consent request is about, by whose id it goes.
    """

    CONNECTION = "connection"
    TICKET = "ticket"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class ConnectionToken:
    """A stored connection token: its hash, the user and the one resource it is bound to, and its life.

    `user` is the name that the user had when it was issued.
    """

    hash: TokenHash
    tenant: TenantId
    user_id: UserId
    user: UserName
    resource: ResourceName
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    kind: TokenKind = TokenKind.CONNECTION


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What is known of the connections that a token opened: is one live, and when did the newest end.

    Attempts that opened nothing do not count: a reconnect refused while the host is still away must not use
    up the grace of the end before it.
    """

    live: bool = False
    last_ended_at: datetime | None = None


def check_token_text(text: str) -> None:
    """Raise `Refused` unless the text can be a token at all.

    Raises:
        Refused: `TOKEN_MISSING`, `TOKEN_OVERSIZED` or `TOKEN_MALFORMED`.
    """
    if not text:
        raise Refused(Reason.TOKEN_MISSING)
    if len(text) > MAX_TOKEN_CHARS:
        raise Refused(
            Reason.TOKEN_OVERSIZED, f"expected {MAX_TOKEN_CHARS} characters at most, got {len(text)}"
        )
    if not _TOKEN.fullmatch(text):
        raise Refused(Reason.TOKEN_MALFORMED, "expected base64url characters, got others")


def check_token(token: ConnectionToken | None, use: TokenUse, now: datetime) -> ConnectionToken:
    """Return the token if it admits now; raise `Refused` with the reason if not."""
    if token is None:
        raise Refused(Reason.TOKEN_UNKNOWN)
    if token.revoked_at is not None:
        raise Refused(Reason.TOKEN_REVOKED)
    if now < token.expires_at or use.live or _in_grace(use, now):
        return token
    raise Refused(Reason.TOKEN_EXPIRED)


def check_published(published: Published | None, user: User | None) -> Published:
    """Return what the user asked for; raise `Refused` with the reason if they may not use it now.

    Args:
        published: the resource as the user may use it, None if they may not.
        user: who asks, None if there is no such user any more.

    Raises:
        Refused: `USER_DISABLED` or `RESOURCE_NOT_ASSIGNED`.
    """
    if published is not None:
        return published
    if user is not None and user.disabled_at is not None:
        raise Refused(Reason.USER_DISABLED, user.name)
    raise Refused(Reason.RESOURCE_NOT_ASSIGNED)


def _in_grace(use: TokenUse, now: datetime) -> bool:
    return use.last_ended_at is not None and now < use.last_ended_at + RECONNECT_GRACE

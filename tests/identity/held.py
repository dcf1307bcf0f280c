"""What a user holds, which disabling ends: a connection file, a ticket of the feed, a sign-in."""

from dataclasses import replace
from datetime import datetime, timedelta

from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.accounts import Accounts
from dialback.domain.contracts import Store
from dialback.domain.ids import ResourceName, TokenHash
from dialback.domain.tenancy import User


async def hand_out(store: Store, user: User, now: datetime) -> None:
    """Give the user a connection file and a resource ticket that are good for days."""
    name, ends_at = ResourceName("office"), now + timedelta(days=14)
    token = ConnectionToken(TokenHash("f" * 64), user.tenant, user.id, user.name, name, now, ends_at)
    await store.save_token(token)
    await store.save_token(replace(token, hash=TokenHash("e" * 64), kind=TokenKind.TICKET))


async def holds_nothing(store: Store, accounts: Accounts, user: User) -> bool:
    """Say whether files and tickets were made for the user of which none is good, and no sign-in goes on."""
    tokens = await store.tokens_of(user.tenant, user.id)
    revoked = bool(tokens) and all(token.revoked_at is not None for token in tokens)
    return revoked and not await accounts.sign_ins_of(user.tenant, user.id)

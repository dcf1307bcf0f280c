"""What disabling a user means, whoever orders it: portal, API or command line.

Whoever is disabled is let in no more, and what they hold ends for good: sign-ins of every kind, device codes
that were approved, connection files, the resource tickets of a feed, and an invitation that is not used.
Enabled again, they begin anew with what they know: their password, one-time codes and workspace passwords are
as before, and so are the API tokens that they made, which open nothing until then. Connections that are open
are not this module's: the broker's policing cuts them, or keeps them, as its settings say.
"""

from dataclasses import replace
from datetime import datetime

from dialback.domain.accounts import Accounts
from dialback.domain.contracts import Store
from dialback.domain.directory import Directory
from dialback.domain.provider import PROVIDER
from dialback.domain.tenancy import User


async def disable(user: User, directory: Directory, accounts: Accounts, store: Store, now: datetime) -> User:
    """Let the user in no more and end what they hold; return the user as kept.

    One who is disabled already keeps the time, and loses what an attempt that failed has left.
    """
    if user.disabled_at is None:
        # First, so that nothing new is made while the old ends.
        user = await directory.save(replace(user, disabled_at=now))
    await end_what_is_held(user, directory, accounts, store, now)
    await accounts.end_invitations_of(user.tenant, user.id)
    return user


async def end_what_is_held(
    user: User, directory: Directory, accounts: Accounts, store: Store, now: datetime
) -> None:
    """End every sign-in of the user, and every connection file and resource ticket."""
    await accounts.end_sign_ins_of(user.tenant, user.id)
    await revoke_files(user, directory, store, now)


async def revoke_files(user: User, directory: Directory, store: Store, now: datetime) -> int:
    """Revoke every connection file and resource ticket of the user; return how many there were."""
    revoked = await store.revoke_tokens_of(user.tenant, user.id, now)
    if user.tenant == PROVIDER:
        # The provider's staff hold tokens in the tenants that they reach.
        for tenant in await directory.tenants():
            revoked += await store.revoke_tokens_of(tenant.id, user.id, now)
    return revoked

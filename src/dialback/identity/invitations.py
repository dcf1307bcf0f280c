"""Links by which users set a password, and the one that a first start prints for the first administrator.

Who reads the server's terminal owns its files, and may own the tenant as well. The link is printed as long as
nobody who owns the tenant can sign in; each start makes a new one, and older ones are good no more. It is for
an owner whom a start has made: whoever made another has a link for them, which this one would end.
"""

import re

from dialback.domain.directory import Directory, NameTaken, every
from dialback.domain.ids import UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Role, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.tokens import make_id

INVITATION_PATH = "/invitation/"
FIRST_NAME = UserName("admin")
_MADE_BY_A_START = re.compile(rf"{FIRST_NAME}[0-9]*")


def invitation_link(address: str, invitation: Secret) -> str:
    """Return the link, which is as good as the secret in it.

    Args:
        address: `NAME:PORT` of the server.
    """
    return f"https://{address.removesuffix(':443')}{INVITATION_PATH}{invitation.reveal()}"


async def first_administrator(directory: Directory, authenticator: Authenticator, address: str) -> str | None:
    """Return a link for the first owner of the tenant `main`; None if an owner can sign in.

    The owner is made if there is none. One whom an earlier start has made gets a new link; None if all of
    them were made by others.
    """
    owners = await _owners(directory)
    for owner in owners:
        if await authenticator.can_sign_in(owner):
            return None
    mine = [owner for owner in owners if _MADE_BY_A_START.fullmatch(owner.name)]
    first = next(iter(mine), None) if owners else await _make_owner(directory)
    return None if first is None else invitation_link(address, await authenticator.invite(first))


async def _owners(directory: Directory) -> list[User]:
    """Return the users whose own role is owner, the disabled ones left out."""
    users = every(directory, User, MAIN)
    return [user async for user in users if user.role is Role.OWNER and user.disabled_at is None]


async def _make_owner(directory: Directory) -> User | None:
    """Make the first owner, under another name if somebody has it; None if another node did just now."""
    name, number = FIRST_NAME, 1
    while await directory.find(User, MAIN, name) is not None:
        number += 1
        name = UserName(f"{FIRST_NAME}{number}")
    try:
        return await directory.save(User(MAIN, UserId(make_id()), name, role=Role.OWNER))
    except NameTaken:
        return None

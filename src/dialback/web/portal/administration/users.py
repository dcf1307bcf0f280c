"""Users: who there is, a link with which somebody sets a password, and nobody any more.

Nobody acts on somebody with more rights than their own, or on themselves: an invitation to an owner is the
owner's account. An invitation link is shown once, to who asked for it.
"""

from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import Person
from dialback.domain.errors import Problem
from dialback.domain.ids import UserId, UserName
from dialback.domain.names import MAX_USER_CHARS
from dialback.domain.tenancy import Role, User, role_of
from dialback.identity import disabling
from dialback.identity.tokens import make_id
from dialback.web.forms import Form
from dialback.web.pages import see_other
from dialback.web.people import Administrator, Helpdesk, NotYours
from dialback.web.portal.needs import Portal
from dialback.web.problems import NotFound

PAGE: Final = 50
SAID: Final = {
    "disabled": "The user is disabled: every sign-in and every connection file of theirs is good no more.",
    "enabled": "The user may sign in again; old sign-ins and connection files stay ended.",
    "codes": "The user signs in without one-time codes now; let them set these up again.",
    "sign-ins": "Every sign-in of the user has ended; what they know still lets them in.",
    "files": "Every connection file of the user is revoked, the feed's too; what they opened is cut off.",
    "passwords": "Every workspace password of the user is revoked: no device of theirs gets the feed.",
}

LOST: Final = (
    ("reset-codes", "Reset codes", "Ask the user for one-time codes no more?"),
    ("end-sign-ins", "End sign-ins", "End every sign-in of the user?"),
    ("revoke-workspace-passwords", "Revoke workspace passwords", "Revoke them on every device of the user?"),
    ("revoke-files", "Revoke files", "Revoke every connection file of the user, and cut what they opened?"),
)
"""What is done for somebody who lost something: path, the button, and what is asked before."""


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    async def page(
        request: Request, person: Person, status: int = 200, after: str = "", q: str = "", **more: Any
    ) -> Response:
        shown = await portal.directory.page(User, person.user.tenant, after, PAGE, q)
        facts = {"said": "", "error": "", "name": "", "display_name": ""} | more
        return await portal.pages.show(
            request,
            "admin_users.html",
            status,
            section="admin",
            in_tab="users",
            users=shown.items,
            after=shown.after,
            query=q,
            may_change=person.role.includes(Role.ADMINISTRATOR),
            lost=LOST,
            **facts,
        )

    @router.get("/admin/users")
    async def users(
        request: Request, person: Helpdesk, after: str = "", q: str = "", said: str = ""
    ) -> Response:
        return await page(request, person, after=after, q=q.strip()[:MAX_USER_CHARS], said=SAID.get(said, ""))

    @router.post("/admin/users")
    async def make(request: Request, person: Administrator, form: Form) -> Response:
        name, display_name = form.get("name", "").strip(), form.get("display_name", "").strip()
        try:
            user = User(person.user.tenant, UserId(make_id()), UserName(name), display_name)
            user = await portal.directory.save(user)
        except (ValueError, Problem) as error:
            said = f"{str(error)[:1].upper()}{str(error)[1:]}."
            return await page(request, person, 422, error=said, name=name, display_name=display_name)
        portal.notes.did(request, person, "user.save", f"user:{user.id}", "made")
        return await invitation(request, person, user)

    @router.post("/admin/users/{id}/invite")
    async def invite(request: Request, person: Administrator, id: str) -> Response:
        return await invitation(request, person, await theirs(portal, person, id))

    async def invitation(request: Request, person: Person, user: User) -> Response:
        secret = await portal.authenticator.invite(user)
        portal.notes.did(request, person, "user.invite", f"user:{user.id}", user.name)
        link = f"https://{portal.address.removesuffix(':443')}/invitation/{secret.reveal()}"
        return await portal.pages.show(
            request, "admin_invitation.html", section="admin", in_tab="users", user=user, link=link
        )

    @router.post("/admin/users/{id}/disable")
    async def disable(request: Request, person: Administrator, id: str) -> Response:
        user = await theirs(portal, person, id)
        await disabling.disable(user, portal.directory, portal.accounts, portal.store, portal.now())
        if user.disabled_at is None:
            portal.notes.did(request, person, "user.disable", f"user:{user.id}", user.name)
        return see_other("/admin/users?said=disabled")

    @router.post("/admin/users/{id}/enable")
    async def enable(request: Request, person: Administrator, id: str) -> Response:
        user = await theirs(portal, person, id)
        if user.disabled_at is not None:
            await portal.directory.save(replace(user, disabled_at=None))
            portal.notes.did(request, person, "user.enable", f"user:{user.id}", user.name)
        return see_other("/admin/users?said=enabled")

    return router


async def theirs(portal: Portal, person: Person, id: str) -> User:
    """Return the user of that id, on whom the person may act."""
    user = await portal.directory.get(User, person.user.tenant, id)
    if user is None:
        raise NotFound
    if user.id == person.user.id:
        raise NotYours("nobody can do this to themselves; ask another administrator", person)
    role = role_of(user, await portal.directory.groups_of(user.tenant, user.id))
    if not person.role.includes(role):
        raise NotYours(f"this takes somebody with the role {role}", person)
    return user

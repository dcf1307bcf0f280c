"""`/users/{id}/…`: what a user holds, for when a phone, a laptop or a file of theirs is lost.

As with locking somebody out, nobody does it to a role above their own, or to themselves: for that there are
the portal's pages. What weakens how somebody signs in is for persons alone.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from dialback.domain.tenancy import User
from dialback.identity.disabling import revoke_files
from dialback.web.api.nouns import Nouns
from dialback.web.api.parts import Api, Id, Me, View, note
from dialback.web.api.problems import not_there
from dialback.web.api.users import reachable


class EndedView(View):
    """How many there were, all of which have ended."""

    ended: Annotated[int, Field(ge=0)]


class WorkspacePasswordView(View):
    """A workspace password of one device, without what it is."""

    id: str
    device: str
    created_at: datetime
    used_at: datetime | None


class WorkspacePasswordsView(View):
    """The workspace passwords of a user that are good, newest first."""

    items: list[WorkspacePasswordView]


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_ends(router, api)
    _add_workspace_passwords(router, api)


def _add_ends(router: APIRouter, api: Api) -> None:
    @router.post("/users/{id}/reset-codes", status_code=204, summary="Ask a user for one-time codes no more")
    async def reset_codes(me: Me, id: Id) -> None:
        user = await reachable(api, me, id)
        await api.authenticator.reset_totp(user)
        note(api, me, "one-time-codes.remove", f"user:{id}", user.name)

    @router.post("/users/{id}/end-sign-ins", summary="End every sign-in of a user")
    async def end_sign_ins(me: Me, id: Id) -> EndedView:
        user = await reachable(api, me, id)
        ended = await api.authenticator.end_all(user)
        note(api, me, "sign-in.end", f"user:{id}", f"all {ended} of {user.name}")
        return EndedView(ended=ended)

    @router.post("/users/{id}/revoke-files", summary="Revoke every connection file and feed file of a user")
    async def revoke_files_of_user(me: Me, id: Id) -> EndedView:
        user = await reachable(api, me, id)
        ended = await revoke_files(user, api.directory, api.store, api.now())
        note(api, me, "connection-file.revoke", f"user:{id}", f"all {ended} of {user.name}")
        return EndedView(ended=ended)


def _add_workspace_passwords(router: APIRouter, api: Api) -> None:
    @router.get("/users/{id}/workspace-passwords", summary="List the workspace passwords of a user")
    async def list_workspace_passwords(me: Me, id: Id) -> WorkspacePasswordsView:
        user = await Nouns(api, User, "user").get(me, id)
        found = await api.accounts.workspace_passwords(me.tenant, user.id)
        return WorkspacePasswordsView(items=[WorkspacePasswordView.model_validate(each) for each in found])

    @router.delete(
        "/users/{user_id}/workspace-passwords/{id}",
        status_code=204,
        summary="Revoke a workspace password of a user, and end what it opened",
    )
    async def revoke_workspace_password(me: Me, user_id: Id, id: Id) -> None:
        user = await reachable(api, me, user_id)
        known = await api.accounts.workspace_passwords(me.tenant, user.id)
        device = next((each.device for each in known if each.id == id), None)
        if device is None or not await api.authenticator.revoke_workspace_password(user, id):
            raise not_there()
        detail = f"{device} of {user.name}"
        note(api, me, "workspace-password.revoke", f"workspace-password:{id}", detail)

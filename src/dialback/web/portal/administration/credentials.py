"""What a user holds, ended by an administrator: for when a phone, a laptop or a file of theirs is lost.

The same rules as for inviting and disabling: never on oneself, nor on somebody with more rights.
"""

from fastapi import APIRouter, Request, Response

from dialback.identity.disabling import revoke_files
from dialback.web.pages import see_other
from dialback.web.people import Administrator
from dialback.web.portal.administration.users import theirs
from dialback.web.portal.needs import Portal


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    authenticator, notes = portal.authenticator, portal.notes

    @router.post("/admin/users/{id}/reset-codes")
    async def reset_codes(request: Request, person: Administrator, id: str) -> Response:
        user = await theirs(portal, person, id)
        await authenticator.reset_totp(user)
        notes.did(request, person, "one-time-codes.remove", f"user:{user.id}", user.name)
        return see_other("/admin/users?said=codes")

    @router.post("/admin/users/{id}/end-sign-ins")
    async def end_sign_ins(request: Request, person: Administrator, id: str) -> Response:
        user = await theirs(portal, person, id)
        ended = await authenticator.end_all(user)
        notes.did(request, person, "sign-in.end", f"user:{user.id}", f"all {ended} of {user.name}")
        return see_other("/admin/users?said=sign-ins")

    @router.post("/admin/users/{id}/revoke-files")
    async def revoke_all_files(request: Request, person: Administrator, id: str) -> Response:
        user = await theirs(portal, person, id)
        revoked = await revoke_files(user, portal.directory, portal.store, portal.now())
        notes.did(
            request, person, "connection-file.revoke", f"user:{user.id}", f"all {revoked} of {user.name}"
        )
        return see_other("/admin/users?said=files")

    @router.post("/admin/users/{id}/revoke-workspace-passwords")
    async def revoke_workspace_passwords(request: Request, person: Administrator, id: str) -> Response:
        user = await theirs(portal, person, id)
        for each in await portal.accounts.workspace_passwords(user.tenant, user.id):
            await authenticator.revoke_workspace_password(user, each.id)
            subject, detail = f"workspace-password:{each.id}", f"{each.device} of {user.name}"
            notes.did(request, person, "workspace-password.revoke", subject, detail)
        return see_other("/admin/users?said=passwords")

    return router

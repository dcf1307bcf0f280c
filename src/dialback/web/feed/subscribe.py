"""The `.wcx` file, which subscribes Windows' own client when it is opened.

Anybody may have the usual one: it says what is typed otherwise. It bears the workspace's name only for who is
signed in at the portal.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from dialback.domain.catalog import Workspace
from dialback.domain.directory import Directory
from dialback.domain.ids import TenantId
from dialback.web.feed.addresses import WCX, feed_url, host_of
from dialback.web.people import SignedIn, person_of
from dialback.wire.feed.subscription import build_wcx

_HEADERS = {
    "Content-Type": "application/octet-stream",
    "Content-Disposition": 'attachment; filename="workspace.wcx"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def make_router(directory: Directory, address: str) -> APIRouter:
    """Return the routes; `address` is the server's `NAME:PORT`."""
    router = APIRouter(include_in_schema=False)

    @router.get(WCX)
    async def usual(request: Request) -> Response:
        person = await person_of(request)
        name = await _name(directory, person.user.tenant) if person else ""
        return _file(name or host_of(address), feed_url(address))

    @router.get("/feed/{workspace}/workspace.wcx")
    async def of_workspace(workspace: str, person: SignedIn) -> Response:
        space = await directory.get(Workspace, person.user.tenant, workspace)
        if space is None:
            return Response(status_code=404)
        return _file(space.name, feed_url(address, space.id))

    return router


async def _name(directory: Directory, tenant: TenantId) -> str:
    spaces = (await directory.page(Workspace, tenant, limit=2)).items
    owner = await directory.tenant(tenant)
    return spaces[0].name if len(spaces) == 1 else owner.name if owner else ""


def _file(name: str, url: str) -> Response:
    return Response(build_wcx(name, url), headers=_HEADERS)

"""`/workspaces`: what application groups are shown in."""

from fastapi import APIRouter, Response

from dialback.domain.catalog import Workspace
from dialback.domain.ids import TenantId, WorkspaceId
from dialback.web.api.nouns import Nouns
from dialback.web.api.parts import (
    MADE,
    After,
    Api,
    Body,
    Id,
    IfMatch,
    IfNoneMatch,
    Limit,
    Me,
    Named,
    PageView,
    View,
    fitting,
)


class WorkspaceBody(Body):
    """What can be said of a workspace."""

    name: str
    description: str = ""


class WorkspaceView(View):
    """A workspace."""

    id: str
    name: str
    description: str
    version: int


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    workspaces = Nouns(api, Workspace, "workspace")

    @router.get("/workspaces", summary="List workspaces by name")
    async def list_workspaces(
        me: Me, after: After = "", limit: Limit = 100, name: Named = ""
    ) -> PageView[WorkspaceView]:
        page = await workspaces.page(me, after, limit, name)
        return PageView(items=[WorkspaceView.model_validate(each) for each in page.items], after=page.after)

    @router.get("/workspaces/{id}", summary="Read a workspace")
    async def read_workspace(me: Me, id: Id, response: Response) -> WorkspaceView:
        return WorkspaceView.model_validate(await workspaces.read(me, id, response))

    @router.put("/workspaces/{id}", summary="Make or change a workspace", responses=MADE)
    async def save_workspace(
        me: Me,
        id: Id,
        body: WorkspaceBody,
        response: Response,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> WorkspaceView:
        kept = await workspaces.save(
            me, id, lambda _: workspace_of(me.tenant, id, body), response, if_match, if_none_match
        )
        return WorkspaceView.model_validate(kept)

    @router.delete("/workspaces/{id}", status_code=204, summary="Remove a workspace that shows nothing")
    async def remove_workspace(me: Me, id: Id, if_match: IfMatch = None) -> None:
        await workspaces.remove(me, id, if_match)


def workspace_of(tenant: TenantId, id: str, body: WorkspaceBody) -> Workspace:
    """Return the workspace that a body says; raise the problem if it breaks a rule."""
    return fitting(Workspace, tenant, WorkspaceId(id), body.name, body.description)

"""`/application-groups` and `/resources`: what is published, how it looks, and who may use it."""

import asyncio
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from dialback.domain.catalog import (
    ApplicationGroup,
    ApplicationGroupKind,
    GroupAssignment,
    PublishedResource,
    RemoteApp,
    UserAssignment,
)
from dialback.domain.hosts import DEFAULT_TARGET
from dialback.domain.icons import icon_of
from dialback.domain.ids import (
    ApplicationGroupId,
    GroupId,
    PoolId,
    ResourceId,
    ResourceName,
    TenantId,
    UserId,
    WorkspaceId,
)
from dialback.domain.tenancy import Group, User
from dialback.web.api.nouns import Nouns, is_id
from dialback.web.api.parts import (
    MADE,
    After,
    Api,
    Body,
    Caller,
    Flag,
    Id,
    IfMatch,
    IfNoneMatch,
    Limit,
    Me,
    Named,
    PageView,
    View,
    fitting,
    fitting_in,
    note,
)
from dialback.web.api.problems import broken_rule, not_there
from dialback.web.feed.pictures import PictureUnfit, prepare_icon


class ApplicationGroupBody(Body):
    """What can be said of an application group; `pool` and `workspace` are ids."""

    name: str
    pool: str
    kind: ApplicationGroupKind = ApplicationGroupKind.DESKTOP
    workspace: str | None = None


class ApplicationGroupView(View):
    """An application group."""

    id: str
    name: str
    pool: str
    kind: ApplicationGroupKind
    workspace: str | None
    version: int


class AssignmentsView(View):
    """Who may use an application group: ids of users and of groups."""

    users: list[str]
    groups: list[str]


class RemoteAppBody(Body):
    """One program that is shown in a window of its own."""

    program: str
    arguments: str = ""
    working_directory: str = ""
    file_extensions: tuple[str, ...] = ()


class RemoteAppView(View):
    """One program that is shown in a window of its own."""

    program: str
    arguments: str
    working_directory: str
    file_extensions: list[str]


class ResourceBody(Body):
    """What can be said of a resource; its icon is a picture of its own. `name` is the alias clients know."""

    application_group: str
    name: str
    title: str
    target: str = DEFAULT_TARGET
    remote_app: RemoteAppBody | None = None
    folders: tuple[str, ...] = ()
    shown: Flag = True


class ResourceView(View):
    """A resource; `icon` names its picture, and is empty for the usual one."""

    id: str
    application_group: str
    name: str
    title: str
    target: str
    remote_app: RemoteAppView | None
    icon: str
    folders: list[str]
    shown: bool
    version: int


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_groups(router, api)
    _add_assignments(router, api)
    _add_resources(router, api)
    _add_icons(router, api)


def _add_groups(router: APIRouter, api: Api) -> None:
    groups = Nouns(api, ApplicationGroup, "application-group")

    @router.get("/application-groups", summary="List application groups by name")
    async def list_application_groups(
        me: Me, after: After = "", limit: Limit = 100, name: Named = ""
    ) -> PageView[ApplicationGroupView]:
        page = await groups.page(me, after, limit, name)
        items = [ApplicationGroupView.model_validate(each) for each in page.items]
        return PageView(items=items, after=page.after)

    @router.get("/application-groups/{id}", summary="Read an application group")
    async def read_application_group(me: Me, id: Id, response: Response) -> ApplicationGroupView:
        return ApplicationGroupView.model_validate(await groups.read(me, id, response))

    @router.put("/application-groups/{id}", summary="Make or change an application group", responses=MADE)
    async def save_application_group(
        me: Me,
        id: Id,
        body: ApplicationGroupBody,
        response: Response,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> ApplicationGroupView:
        kept = await groups.save(
            me, id, lambda _: application_group_of(me.tenant, id, body), response, if_match, if_none_match
        )
        return ApplicationGroupView.model_validate(kept)

    @router.delete(
        "/application-groups/{id}", status_code=204, summary="Remove an application group and its resources"
    )
    async def remove_application_group(me: Me, id: Id, if_match: IfMatch = None) -> None:
        await groups.remove(me, id, if_match)


def application_group_of(tenant: TenantId, id: str, body: ApplicationGroupBody) -> ApplicationGroup:
    """Return the application group that a body says; raise the problem if it breaks a rule."""
    pool, workspace = _reference(body.pool, "pool"), _reference(body.workspace, "workspace")
    return fitting(
        ApplicationGroup,
        tenant,
        ApplicationGroupId(id),
        body.name,
        PoolId(pool),
        body.kind,
        WorkspaceId(workspace) if workspace else None,
    )


def _reference(id: str | None, field: str) -> str:
    """Return an id that a body names; raise the problem if it can be none."""
    if id is None:
        return ""
    if not is_id(id):
        raise broken_rule(f"body.{field}", "expected an id of something that is there")
    return id


def _add_assignments(router: APIRouter, api: Api) -> None:
    groups = Nouns(api, ApplicationGroup, "application-group")

    async def user_assignment(me: Caller, id: str, user_id: str) -> UserAssignment:
        group, user = await groups.get(me, id), await Nouns(api, User, "user").get(me, user_id)
        return UserAssignment(me.tenant, group.id, UserId(user.id))

    async def group_assignment(me: Caller, id: str, group_id: str) -> GroupAssignment:
        group, users = await groups.get(me, id), await Nouns(api, Group, "group").get(me, group_id)
        return GroupAssignment(me.tenant, group.id, GroupId(users.id))

    async def assign(me: Caller, assignment: UserAssignment | GroupAssignment, whom: str) -> None:
        if assignment in await api.directory.assignments(me.tenant, assignment.application_group):
            return
        await api.directory.assign(assignment)
        note(api, me, "application-group.assign", f"application-group:{assignment.application_group}", whom)

    async def unassign(me: Caller, assignment: UserAssignment | GroupAssignment, whom: str) -> None:
        if not await api.directory.unassign(assignment):
            raise not_there()
        subject = f"application-group:{assignment.application_group}"
        note(api, me, "application-group.unassign", subject, whom)

    @router.get("/application-groups/{id}/assignments", summary="List who may use an application group")
    async def list_assignments(me: Me, id: Id) -> AssignmentsView:
        group = await groups.get(me, id)
        found = await api.directory.assignments(me.tenant, group.id)
        return AssignmentsView(
            users=[each.user for each in found if isinstance(each, UserAssignment)],
            groups=[each.group for each in found if isinstance(each, GroupAssignment)],
        )

    @router.put("/application-groups/{id}/users/{user_id}", status_code=204, summary="Let a user use it")
    async def assign_user(me: Me, id: Id, user_id: Id) -> None:
        await assign(me, await user_assignment(me, id, user_id), f"user {user_id}")

    @router.delete(
        "/application-groups/{id}/users/{user_id}", status_code=204, summary="Let a user use it no more"
    )
    async def unassign_user(me: Me, id: Id, user_id: Id) -> None:
        await unassign(me, await user_assignment(me, id, user_id), f"user {user_id}")

    @router.put("/application-groups/{id}/groups/{group_id}", status_code=204, summary="Let a group use it")
    async def assign_group(me: Me, id: Id, group_id: Id) -> None:
        await assign(me, await group_assignment(me, id, group_id), f"group {group_id}")

    @router.delete(
        "/application-groups/{id}/groups/{group_id}", status_code=204, summary="Let a group use it no more"
    )
    async def unassign_group(me: Me, id: Id, group_id: Id) -> None:
        await unassign(me, await group_assignment(me, id, group_id), f"group {group_id}")


def _add_resources(router: APIRouter, api: Api) -> None:
    resources = Nouns(api, PublishedResource, "resource")

    @router.get("/resources", summary="List resources by alias")
    async def list_resources(
        me: Me, after: After = "", limit: Limit = 100, name: Named = ""
    ) -> PageView[ResourceView]:
        page = await resources.page(me, after, limit, name)
        return PageView(items=[ResourceView.model_validate(each) for each in page.items], after=page.after)

    @router.get("/resources/{id}", summary="Read a resource")
    async def read_resource(me: Me, id: Id, response: Response) -> ResourceView:
        return ResourceView.model_validate(await resources.read(me, id, response))

    @router.put("/resources/{id}", summary="Make or change a resource", responses=MADE)
    async def save_resource(
        me: Me,
        id: Id,
        body: ResourceBody,
        response: Response,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> ResourceView:
        def with_its_icon(before: PublishedResource | None) -> PublishedResource:
            return resource_of(me.tenant, id, body, before.icon if before is not None else "")

        kept = await resources.save(me, id, with_its_icon, response, if_match, if_none_match)
        return ResourceView.model_validate(kept)

    @router.delete("/resources/{id}", status_code=204, summary="Remove a resource")
    async def remove_resource(me: Me, id: Id, if_match: IfMatch = None) -> None:
        await resources.remove(me, id, if_match)


def resource_of(tenant: TenantId, id: str, body: ResourceBody, icon: str = "") -> PublishedResource:
    """Return the resource that a body says; raise the problem if it breaks a rule."""
    app = body.remote_app
    return fitting(
        PublishedResource,
        tenant,
        ResourceId(id),
        ApplicationGroupId(_reference(body.application_group, "application_group")),
        ResourceName(body.name),
        body.title,
        body.target,
        fitting_in("body.remote_app", RemoteApp, **dict(app)) if app else None,
        icon,
        body.folders,
        body.shown,
    )


def _add_icons(router: APIRouter, api: Api) -> None:
    resources = Nouns(api, PublishedResource, "resource")
    picture = {"image/png": {"schema": {"type": "string", "format": "binary"}}}

    @router.put(
        "/resources/{id}/icon",
        summary="Give a resource a picture: ICO, PNG or another common format",
        openapi_extra={"requestBody": {"required": True, "content": picture}},
    )
    async def save_icon(me: Me, id: Id, request: Request, response: Response) -> ResourceView:
        await resources.get(me, id)
        try:
            png = await asyncio.to_thread(prepare_icon, await request.body())
        except PictureUnfit as error:
            raise broken_rule("body", str(error)) from error
        icon = icon_of(me.tenant, png)
        await api.icons.save_icon(icon)
        return await _with_icon(me, id, icon.id, response)

    @router.delete("/resources/{id}/icon", summary="Give a resource the usual picture again")
    async def remove_icon(me: Me, id: Id, response: Response) -> ResourceView:
        return await _with_icon(me, id, "", response)

    async def _with_icon(me: Caller, id: str, icon: str, response: Response) -> ResourceView:
        def with_icon(before: PublishedResource | None) -> PublishedResource:
            if before is None:
                raise not_there()
            return replace(before, icon=icon)

        return ResourceView.model_validate(await resources.save(me, id, with_icon, response, None, None))

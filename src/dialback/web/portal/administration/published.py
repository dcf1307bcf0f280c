"""What is published: application groups with their resources, and who may use them.

Helpdesk sees it. An administrator assigns an application group to a user or a group of users, and takes that
back; what there is to assign is declared (`dialback apply`), or made by command line and API.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import Person
from dialback.domain.catalog import ApplicationGroup, GroupAssignment, UserAssignment, Workspace
from dialback.domain.ids import GroupId, TenantId, UserId
from dialback.domain.names import MAX_NAME_CHARS
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import Group, Role, User
from dialback.web.forms import Form
from dialback.web.pages import see_other
from dialback.web.people import Administrator, Helpdesk
from dialback.web.portal.needs import Portal
from dialback.web.problems import NotFound

Assignment = UserAssignment | GroupAssignment

PAGE: Final = 50
"""How many application groups a page has, and how many resources that of one."""
SHOWN: Final = 100
"""How many users, and how many groups of users, are shown of those that may use an application group."""
WHOM: Final = {"user": "user", "group": "group of users"}
"""To whom something is assigned: what a form says, and its word."""
SAID: Final = {
    "assigned": "May use it now: it is in the portal at once, and in the feed when the client asks again.",
    "unassigned": "May use it no more; what is open goes on until it ends.",
}


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/admin/published")
    async def published(request: Request, person: Helpdesk, after: str = "") -> Response:
        facts = await _list(portal, person.user.tenant, after)
        return await _show(portal, request, "admin_published.html", **facts)

    @router.get("/admin/published/{id}")
    async def group(request: Request, person: Helpdesk, id: str, after: str = "", said: str = "") -> Response:
        facts = await _one(portal, person, await _group(portal, person, id), after)
        return await _show(portal, request, "admin_published_group.html", said=SAID.get(said, ""), **facts)

    @router.post("/admin/published/{id}/assign")
    async def assign(request: Request, person: Administrator, id: str, form: Form) -> Response:
        found = await _group(portal, person, id)
        kind, name = _kind(form), form.get("name", "").strip()
        assignment = await _named(portal, found, kind, name)
        if assignment is None:
            facts = await _one(portal, person, found)
            error = f"There is no {WHOM[kind]} “{name[:MAX_NAME_CHARS]}”."
            return await _show(portal, request, "admin_published_group.html", 422, error=error, **facts)
        if assignment not in await portal.directory.assignments(found.tenant, found.id):
            await portal.directory.assign(assignment)
            _note(portal, request, person, "assign", assignment)
        return see_other(f"/admin/published/{found.id}?said=assigned")

    @router.post("/admin/published/{id}/unassign")
    async def unassign(request: Request, person: Administrator, id: str, form: Form) -> Response:
        found = await _group(portal, person, id)
        assignment = _assignment(found, _kind(form), form.get("id", ""))
        if not await portal.directory.unassign(assignment):
            raise NotFound
        _note(portal, request, person, "unassign", assignment)
        return see_other(f"/admin/published/{found.id}?said=unassigned")

    return router


async def _show(portal: Portal, request: Request, template: str, status: int = 200, **facts: Any) -> Response:
    facts = {"said": "", "error": ""} | facts
    return await portal.pages.show(request, template, status, section="admin", in_tab="published", **facts)


async def _group(portal: Portal, person: Person, id: str) -> ApplicationGroup:
    group = await portal.directory.get(ApplicationGroup, person.user.tenant, id)
    if group is None:
        raise NotFound
    return group


async def _list(portal: Portal, tenant: TenantId, after: str) -> Mapping[str, Any]:
    page = await portal.directory.page(ApplicationGroup, tenant, after, PAGE)
    return {
        "groups": page.items,
        "after": after,
        "following": page.after,
        **await _around(portal, tenant, page.items),
    }


async def _around(portal: Portal, tenant: TenantId, groups: Sequence[ApplicationGroup]) -> Mapping[str, Any]:
    """Return the host pools and workspaces of application groups."""
    in_workspaces = {group.workspace for group in groups if group.workspace}
    return {
        "pools": await portal.directory.some(HostPool, tenant, {group.pool for group in groups}),
        "workspaces": await portal.directory.some(Workspace, tenant, in_workspaces),
    }


async def _one(portal: Portal, person: Person, group: ApplicationGroup, after: str = "") -> Mapping[str, Any]:
    directory, tenant = portal.directory, group.tenant
    page = await directory.resources_in(tenant, group.id, after, PAGE)
    assigned = await directory.assignments(tenant, group.id)
    users = [each.user for each in assigned if isinstance(each, UserAssignment)]
    user_groups = [each.group for each in assigned if isinstance(each, GroupAssignment)]
    return {
        "group": group,
        "resources": page.items,
        "after": after,
        "following": page.after,
        "users": await directory.some(User, tenant, users[:SHOWN]),
        "users_count": len(users),
        "user_groups": await directory.some(Group, tenant, user_groups[:SHOWN]),
        "user_groups_count": len(user_groups),
        "may_change": person.role.includes(Role.ADMINISTRATOR),
        **await _around(portal, tenant, [group]),
    }


async def _named(portal: Portal, group: ApplicationGroup, kind: str, name: str) -> Assignment | None:
    """Return the assignment to who has the name, None if nobody has."""
    named: User | Group | None
    if kind == "user":
        named = await portal.directory.find(User, group.tenant, name)
    else:
        named = await portal.directory.find(Group, group.tenant, name)
    return _assignment(group, kind, named.id) if named else None


def _kind(form: Mapping[str, str]) -> str:
    if (kind := form.get("kind", "")) not in WHOM:
        raise NotFound
    return kind


def _assignment(group: ApplicationGroup, kind: str, id: str) -> Assignment:
    if kind == "user":
        return UserAssignment(group.tenant, group.id, UserId(id))
    return GroupAssignment(group.tenant, group.id, GroupId(id))


def _note(portal: Portal, request: Request, person: Person, action: str, assignment: Assignment) -> None:
    whom = (
        f"user {assignment.user}" if isinstance(assignment, UserAssignment) else f"group {assignment.group}"
    )
    subject = f"application-group:{assignment.application_group}"
    portal.notes.did(request, person, f"application-group.{action}", subject, whom)

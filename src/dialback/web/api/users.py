"""`/tenant`, `/users`, `/groups`: who there is in the caller's tenant.

Nobody gives away what they do not have: a role above the caller's own can be neither given, directly or by a
group, nor changed, nor its holder invited or disabled. And nobody locks themselves out, or takes their own
role away, directly or by a group.
"""

from dataclasses import replace
from datetime import datetime

from fastapi import APIRouter, Response

from dialback.domain.directory import VersionStale
from dialback.domain.ids import GroupId, TenantId, UserId, UserName
from dialback.domain.tenancy import Group, Role, Tenant, User, role_of
from dialback.identity.disabling import disable, end_what_is_held
from dialback.identity.invitations import invitation_link
from dialback.web.api.nouns import Nouns
from dialback.web.api.parts import (
    MADE,
    After,
    Api,
    Body,
    Caller,
    Id,
    IfMatch,
    IfNoneMatch,
    Limit,
    Me,
    Named,
    PageView,
    View,
    changes,
    fitting,
    note,
    tagged,
    version_of,
)
from dialback.web.api.problems import ApiProblem, ApiReason, not_there


class TenantBody(Body):
    """What can be changed of a tenant."""

    name: str


class TenantView(View):
    """A tenant."""

    id: str
    name: str
    version: int


class UserBody(Body):
    """What can be said of a user; whether they are disabled is an action of its own."""

    name: str
    display_name: str = ""
    role: Role = Role.USER


class UserView(View):
    """A user."""

    id: str
    name: str
    display_name: str
    role: Role
    disabled_at: datetime | None
    version: int


class GroupBody(Body):
    """What can be said of a group; members have at least its role."""

    name: str
    role: Role = Role.USER


class GroupView(View):
    """A group."""

    id: str
    name: str
    role: Role
    version: int


class GroupsView(View):
    """The groups of a user."""

    items: list[GroupView]


class InvitationView(View):
    """A one-time link with which the user sets a password; shown this once."""

    link: str


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_tenant(router, api)
    _add_users(router, api)
    _add_states(router, api)
    _add_groups(router, api)
    _add_members(router, api)


def _add_tenant(router: APIRouter, api: Api) -> None:
    @router.get("/tenant", summary="Read the caller's tenant")
    async def read_tenant(me: Me, response: Response) -> TenantView:
        tenant = await _tenant(api, me)
        tagged(response, tenant.version)
        return TenantView.model_validate(tenant)

    @router.put("/tenant", summary="Rename the caller's tenant")
    async def save_tenant(
        me: Me, body: TenantBody, response: Response, if_match: IfMatch = None
    ) -> TenantView:
        kept = before = await _tenant(api, me)
        if version_of(if_match) not in (0, before.version):
            raise VersionStale("it was changed")
        wanted = fitting(Tenant, me.tenant, body.name, version=before.version)
        if wanted != before:
            kept = await api.directory.save_tenant(wanted)
            note(api, me, "tenant.save", f"tenant:{me.tenant}", changes(before, kept))
        tagged(response, kept.version)
        return TenantView.model_validate(kept)


async def _tenant(api: Api, me: Caller) -> Tenant:
    tenant = await api.directory.tenant(me.tenant)
    if tenant is None:
        raise not_there()
    return tenant


def _add_users(router: APIRouter, api: Api) -> None:
    users = Nouns(api, User, "user")

    @router.get("/users", summary="List users by name")
    async def list_users(
        me: Me, after: After = "", limit: Limit = 100, name: Named = ""
    ) -> PageView[UserView]:
        page = await users.page(me, after, limit, name)
        return PageView(items=[UserView.model_validate(each) for each in page.items], after=page.after)

    @router.get("/users/{id}", summary="Read a user")
    async def read_user(me: Me, id: Id, response: Response) -> UserView:
        return UserView.model_validate(await users.read(me, id, response))

    @router.put("/users/{id}", summary="Make or change a user", responses=MADE)
    async def save_user(
        me: Me,
        id: Id,
        body: UserBody,
        response: Response,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> UserView:
        def as_said(before: User | None) -> User:
            user = fitting(User, me.tenant, UserId(id), UserName(body.name), body.display_name, body.role)
            return user if before is None else replace(user, disabled_at=before.disabled_at)

        async def check(before: User | None) -> None:
            check_role(me, body.role)
            if before is None:
                return
            check_role(me, await role_now(api, before))
            if is_self(me, before) and not body.role.includes(before.role):
                raise ApiProblem(ApiReason.OWN_USER)

        kept = await users.save(me, id, as_said, response, if_match, if_none_match, check)
        return UserView.model_validate(kept)

    @router.delete("/users/{id}", status_code=204, summary="Remove a user for good")
    async def remove_user(me: Me, id: Id, if_match: IfMatch = None) -> None:
        user = await reachable(api, me, id)
        await users.remove(me, id, if_match)
        # Ids are chosen by callers: one who is made under this id later must find nothing.
        await end_what_is_held(user, api.directory, api.accounts, api.store, api.now())

    @router.get("/users/{id}/groups", summary="List the groups of a user")
    async def list_groups_of_user(me: Me, id: Id) -> GroupsView:
        user = await users.get(me, id)
        groups = await api.directory.groups_of(me.tenant, user.id)
        return GroupsView(items=[GroupView.model_validate(group) for group in groups])


def _add_states(router: APIRouter, api: Api) -> None:
    @router.post("/users/{id}/disable", summary="Let a user in no more; sign-ins and connection files end")
    async def disable_user(me: Me, id: Id) -> UserView:
        user = await reachable(api, me, id)
        disabled = await disable(user, api.directory, api.accounts, api.store, api.now())
        if user.disabled_at is None:
            note(api, me, "user.disable", f"user:{id}", user.name)
        return UserView.model_validate(disabled)

    @router.post("/users/{id}/enable", summary="Let a disabled user in again")
    async def enable_user(me: Me, id: Id) -> UserView:
        user = await reachable(api, me, id)
        if user.disabled_at is not None:
            user = await api.directory.save(replace(user, disabled_at=None))
            note(api, me, "user.enable", f"user:{id}", user.name)
        return UserView.model_validate(user)

    @router.post("/users/{id}/invite", summary="Make a link with which the user sets a password")
    async def invite_user(me: Me, id: Id) -> InvitationView:
        user = await Nouns(api, User, "user").get(me, id)
        check_role(me, await role_now(api, user))
        secret = await api.authenticator.invite(user)
        note(api, me, "user.invite", f"user:{id}", user.name)
        return InvitationView(link=invitation_link(api.address, secret))


def _add_groups(router: APIRouter, api: Api) -> None:
    groups = Nouns(api, Group, "group")

    @router.get("/groups", summary="List groups by name")
    async def list_groups(
        me: Me, after: After = "", limit: Limit = 100, name: Named = ""
    ) -> PageView[GroupView]:
        page = await groups.page(me, after, limit, name)
        return PageView(items=[GroupView.model_validate(each) for each in page.items], after=page.after)

    @router.get("/groups/{id}", summary="Read a group")
    async def read_group(me: Me, id: Id, response: Response) -> GroupView:
        return GroupView.model_validate(await groups.read(me, id, response))

    @router.put("/groups/{id}", summary="Make or change a group", responses=MADE)
    async def save_group(
        me: Me,
        id: Id,
        body: GroupBody,
        response: Response,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> GroupView:
        def as_said(_: Group | None) -> Group:
            return group_of(me.tenant, id, body)

        async def check(before: Group | None) -> None:
            check_role(me, body.role)
            if before is not None:
                check_role(me, before.role)
                await check_own_role(api, me, before, body.role)

        kept = await groups.save(me, id, as_said, response, if_match, if_none_match, check)
        return GroupView.model_validate(kept)

    @router.delete("/groups/{id}", status_code=204, summary="Remove a group and its assignments")
    async def remove_group(me: Me, id: Id, if_match: IfMatch = None) -> None:
        async def check(found: Group) -> None:
            check_role(me, found.role)
            await check_own_role(api, me, found)

        await groups.remove(me, id, if_match, check)


def _add_members(router: APIRouter, api: Api) -> None:
    groups, users = Nouns(api, Group, "group"), Nouns(api, User, "user")

    async def is_member(group: Group, user: User) -> bool:
        groups_of_user = await api.directory.groups_of(user.tenant, user.id)
        return group.id in {each.id for each in groups_of_user}

    @router.get("/groups/{id}/members", summary="List the members of a group by name")
    async def list_members(me: Me, id: Id, after: After = "", limit: Limit = 100) -> PageView[UserView]:
        group = await groups.get(me, id)
        page = await api.directory.members(me.tenant, group.id, after, limit)
        return PageView(items=[UserView.model_validate(each) for each in page.items], after=page.after)

    @router.put("/groups/{id}/members/{user_id}", status_code=204, summary="Make a user a member")
    async def add_member(me: Me, id: Id, user_id: Id) -> None:
        group, user = await groups.get(me, id), await users.get(me, user_id)
        check_role(me, group.role)
        if await is_member(group, user):
            return
        await api.directory.join(me.tenant, group.id, user.id)
        note(api, me, "group.join", f"group:{id}", f"user {user.name}")

    @router.delete("/groups/{id}/members/{user_id}", status_code=204, summary="End a membership")
    async def remove_member(me: Me, id: Id, user_id: Id) -> None:
        group, user = await groups.get(me, id), await users.get(me, user_id)
        check_role(me, group.role)
        if not await is_member(group, user):
            return
        if is_self(me, user):
            await check_own_role(api, me, group)
        await api.directory.leave(me.tenant, group.id, user.id)
        note(api, me, "group.leave", f"group:{id}", f"user {user.name}")


def group_of(tenant: TenantId, id: str, body: GroupBody) -> Group:
    """Return the group that a body says; raise the problem if it breaks a rule."""
    return fitting(Group, tenant, GroupId(id), body.name, body.role)


def check_role(me: Caller, role: Role) -> None:
    """Raise the problem if the role is above the caller's own."""
    if not me.role.includes(role):
        raise ApiProblem(ApiReason.ROLE_LACKING, f"expected {role.value}, got {me.role.value}")


async def role_now(api: Api, user: User) -> Role:
    """Return the role of a user, their groups' included."""
    return role_of(user, await api.directory.groups_of(user.tenant, user.id))


async def check_own_role(api: Api, me: Caller, group: Group, gives: Role = Role.USER) -> None:
    """Raise the problem if the caller's own role fell once the group gave that role; a user's is as none."""
    if me.user is None:
        return
    mine = await api.directory.groups_of(me.tenant, me.user.id)
    then = [replace(each, role=gives) if each.id == group.id else each for each in mine]
    if not role_of(me.user, then).includes(me.role):
        raise ApiProblem(ApiReason.OWN_USER)


def is_self(me: Caller, user: User) -> bool:
    """Say whether the user is the caller."""
    return me.user is not None and me.user.id == user.id


async def reachable(api: Api, me: Caller, id: str) -> User:
    """Return a user whom the caller may lock out: somebody else, of no higher role; raise the problem."""
    user = await Nouns(api, User, "user").get(me, id)
    check_role(me, await role_now(api, user))
    if is_self(me, user):
        raise ApiProblem(ApiReason.OWN_USER)
    return user

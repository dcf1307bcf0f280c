"""`/provider/staff`: the provider's own people, their roles, and whom they serve.

They are users of the tenant `provider`, which is made with the first of them. Somebody who is taken off the
staff loses what they have open: their tokens are good no more in any tenant, and their sign-ins end.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from dialback.domain.audit import AuditEntry
from dialback.domain.errors import Reason
from dialback.domain.ids import TenantId, UserId, UserName
from dialback.domain.provider import PROVIDER, Staff, StaffRole
from dialback.domain.tenancy import Tenant, User
from dialback.identity.disabling import end_what_is_held
from dialback.identity.invitations import invitation_link
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import MADE, Api, Body, Caller, Id, Me, View, changes, fitting, note
from dialback.web.api.problems import ApiProblem, ApiReason, broken_rule, not_there
from dialback.web.api.users import InvitationView

Ids = Annotated[tuple[str, ...], Field(max_length=1000)]


class StaffView(View):
    """Somebody of the provider; `tenants` are ids, and `tags` stand for the tenants that carry one."""

    id: str
    name: str
    disabled: bool
    role: StaffRole
    tenants: list[str]
    tags: list[str]


class StaffBody(Body):
    """Who it is, and whom they serve. The user is made if nobody is there under the id."""

    name: str
    role: StaffRole = StaffRole.TECHNICIAN
    tenants: Ids = ()
    tags: Ids = ()


class StaffListView(View):
    """Everybody, by id."""

    items: list[StaffView]


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""

    @router.get("/provider/staff", summary="List the provider's staff")
    async def list_staff(me: Me) -> StaffListView:
        members = await api.provider.all_staff()
        users = await api.directory.some(User, PROVIDER, {member.user for member in members})
        return StaffListView(items=[_view(each, users[each.user]) for each in members if each.user in users])

    @router.get("/provider/staff/{id}", summary="Read a member of the staff")
    async def read_staff(me: Me, id: Id) -> StaffView:
        return _view(*await _member(api, id))

    @router.put("/provider/staff/{id}", summary="Take somebody on the staff, or change them", responses=MADE)
    async def save_staff(me: Me, id: Id, body: StaffBody, response: Response) -> StaffView:
        wanted = fitting(
            Staff,
            UserId(id),
            body.role,
            frozenset(map(TenantId, body.tenants)),
            frozenset(body.tags),
        )
        if me.user is not None and me.staff is not None and me.user.id == id and wanted.role != me.staff.role:
            raise ApiProblem(ApiReason.OWN_USER)
        await _check_tenants(api, wanted)
        named = fitting(User, PROVIDER, UserId(id), UserName(body.name))
        called = await api.directory.get(User, PROVIDER, named.id)
        user = await _user(api, named)
        if called is not None and called.name != user.name:
            note(api, me, "staff.rename", f"user:{id}", f"{called.name!r} -> {user.name!r}")
        before = await api.provider.staff(user.id)
        if before is None:
            response.status_code = 201
        if before != wanted:
            await api.provider.save_staff(wanted)
            note(api, me, "staff.save", f"user:{id}", f"{user.name}: {changes(before, wanted)}")
        return _view(wanted, user)

    @router.delete("/provider/staff/{id}", status_code=204, summary="Take somebody off the staff")
    async def remove_staff(me: Me, id: Id) -> None:
        member, user = await _member(api, id)
        if me.user is not None and me.staff is not None and me.user.id == id:
            raise ApiProblem(ApiReason.OWN_USER)
        await api.provider.remove_staff(member.user)
        # Before their tokens are revoked, so that this is the reason of record.
        await _end_visits(api, me, user)
        await end_what_is_held(user, api.directory, api.accounts, api.store, api.now())
        note(api, me, "staff.remove", f"user:{id}", user.name)

    @router.post("/provider/staff/{id}/invite", summary="Make a link with which they set a password")
    async def invite_staff(me: Me, id: Id) -> InvitationView:
        _, user = await _member(api, id)
        link = invitation_link(api.address, await api.authenticator.invite(user))
        note(api, me, "staff.invite", f"user:{id}", user.name)
        return InvitationView(link=link)


async def _end_visits(api: Api, me: Caller, user: User) -> None:
    """Cut what the staff member has open, and write it into the audit logs of those tenants."""
    reason = Reason.STAFF_NOT_ASSIGNED
    actor = replace(me.actor, name=f"{me.tenant}\\{me.actor.name}")
    for each in api.connections.live():
        if (each.home, each.user_id) == (PROVIDER, user.id):
            await api.connections.cut([each.id], reason, user.name)
            detail = f"{reason}: {each.resource} for {each.user}"
            subject = f"connection:{each.id}"
            api.recorder.note(AuditEntry(each.tenant, api.now(), actor, "connection.cut", subject, detail))


async def _member(api: Api, id: str) -> tuple[Staff, User]:
    member = await api.provider.staff(UserId(id)) if is_id(id) else None
    user = await api.directory.get(User, PROVIDER, id) if member is not None else None
    if member is None or user is None:
        raise not_there()
    return member, user


async def _check_tenants(api: Api, wanted: Staff) -> None:
    known = {tenant.id for tenant in await api.directory.tenants()} - {PROVIDER}
    if wanted.tenants - known:
        raise broken_rule("body.tenants", "expected ids of tenants that are there, got one that is not")


async def _user(api: Api, wanted: User) -> User:
    """Return the user as they are to be called; they, and the provider's tenant, are made if not there."""
    if await api.directory.tenant(PROVIDER) is None:
        await api.directory.save_tenant(Tenant(PROVIDER, "Provider"))
    known = await api.directory.get(User, PROVIDER, wanted.id)
    if known is None:
        return await api.directory.save(wanted)
    if known.name == wanted.name:
        return known
    return await api.directory.save(replace(known, name=wanted.name))


def _view(member: Staff, user: User) -> StaffView:
    return StaffView(
        id=user.id,
        name=user.name,
        disabled=user.disabled_at is not None,
        role=member.role,
        tenants=sorted(member.tenants),
        tags=sorted(member.tags),
    )

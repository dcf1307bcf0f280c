"""`/host-pools`: alike session hosts, and the policy for connections to them.

What wakes a host runs on the server or is sent from it, so that only a person sets it: an owner or an
administrator, never a token.
"""

from dataclasses import replace

from fastapi import APIRouter, Response

from dialback.domain.directory import HostStanding
from dialback.domain.health import Check
from dialback.domain.ids import HostId, PoolId, TenantId, UserId, UserName
from dialback.domain.pools import (
    USUAL_REDIRECTIONS,
    USUAL_WEIGHT,
    HostPool,
    LoadBalancing,
    PersonalAssignment,
    PoolHost,
    PoolKind,
    Redirection,
    StartOnConnect,
    StepUp,
    WakeMethod,
)
from dialback.domain.tenancy import Role
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
    Whole,
    fitting,
    fitting_in,
    note,
    sliced,
)
from dialback.web.api.problems import ApiProblem, ApiReason, not_there

NOBODY = UserName("-")
"""The user whose sessions are asked for where nobody's are wanted."""


class StartOnConnectBody(Body):
    """How a sleeping host is woken when a user wants it."""

    method: WakeMethod
    what: str
    deadline_s: Whole = 90


class StepUpBody(Body):
    """Whether a connection waits for the user's approval, and for how long."""

    wanted: Flag = False
    timeout_s: Whole = 60
    remembered_hours: Whole = 0


class HostPoolBody(Body):
    """What can be said of a host pool."""

    name: str
    kind: PoolKind = PoolKind.POOLED
    load_balancing: LoadBalancing = LoadBalancing.BREADTH_FIRST
    session_limit: Whole | None = None
    assignment: PersonalAssignment = PersonalAssignment.AUTOMATIC
    start_on_connect: StartOnConnectBody | None = None
    redirections: tuple[Redirection, ...] = tuple(sorted(USUAL_REDIRECTIONS))
    multi_monitor: Flag = True
    step_up: StepUpBody = StepUpBody()


class StartOnConnectView(View):
    """How a sleeping host is woken when a user wants it."""

    method: WakeMethod
    what: str
    deadline_s: int


class StepUpView(View):
    """Whether a connection waits for the user's approval, and for how long."""

    wanted: bool
    timeout_s: int
    remembered_hours: int


class HostPoolView(View):
    """A host pool. What wakes its hosts is shown to owners and administrators alone: it may hold a secret."""

    id: str
    name: str
    kind: PoolKind
    load_balancing: LoadBalancing
    session_limit: int | None
    assignment: PersonalAssignment
    start_on_connect: StartOnConnectView | None
    redirections: list[Redirection]
    multi_monitor: bool
    step_up: StepUpView
    version: int


class PoolHostBody(Body):
    """What can be said of a host in its pool; `owner` is the id of the user of a personal host.

    It stays as it is if it is not said, since users claim hosts; null frees the host.
    """

    weight: Whole = USUAL_WEIGHT
    drained: Flag = False
    owner: str | None = None


class PoolHostView(View):
    """A host in its pool, and how it stands: its link, the checks that fail, and how many sessions it has."""

    host: str
    name: str
    weight: int
    drained: bool
    owner: str | None
    link_up: bool
    failed: list[Check]
    sessions: int


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_pools(router, api)
    _add_hosts(router, api)


def _add_pools(router: APIRouter, api: Api) -> None:
    pools = Nouns(api, HostPool, "host-pool")

    @router.get("/host-pools", summary="List host pools by name")
    async def list_host_pools(
        me: Me, after: After = "", limit: Limit = 100, name: Named = ""
    ) -> PageView[HostPoolView]:
        page = await pools.page(me, after, limit, name)
        return PageView(items=[pool_view(me, pool) for pool in page.items], after=page.after)

    @router.get("/host-pools/{id}", summary="Read a host pool")
    async def read_host_pool(me: Me, id: Id, response: Response) -> HostPoolView:
        return pool_view(me, await pools.read(me, id, response))

    @router.put("/host-pools/{id}", summary="Make or change a host pool", responses=MADE)
    async def save_host_pool(
        me: Me,
        id: Id,
        body: HostPoolBody,
        response: Response,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> HostPoolView:
        def waking_as_allowed(before: HostPool | None) -> HostPool:
            return _waking_as_allowed(me, before, pool_of(me.tenant, id, body))

        return pool_view(me, await pools.save(me, id, waking_as_allowed, response, if_match, if_none_match))

    @router.delete("/host-pools/{id}", status_code=204, summary="Remove a host pool without hosts")
    async def remove_host_pool(me: Me, id: Id, if_match: IfMatch = None) -> None:
        await pools.remove(me, id, if_match)


def pool_of(tenant: TenantId, id: str, body: HostPoolBody) -> HostPool:
    """Return the host pool that a body says; raise the problem if it breaks a rule."""
    wake = body.start_on_connect
    return fitting(
        HostPool,
        tenant,
        PoolId(id),
        body.name,
        body.kind,
        body.load_balancing,
        body.session_limit,
        body.assignment,
        fitting_in("body.start_on_connect", StartOnConnect, **dict(wake)) if wake else None,
        frozenset(body.redirections),
        body.multi_monitor,
        fitting_in("body.step_up", StepUp, **dict(body.step_up)),
    )


def _waking_as_allowed(me: Caller, before: HostPool | None, after: HostPool) -> HostPool:
    """Return the pool as the caller may save it: a token neither sees nor changes what wakes."""
    if me.user is not None:
        return after
    known = before.start_on_connect if before is not None else None
    if after.start_on_connect not in (None, known):
        raise ApiProblem(ApiReason.PERSON_NEEDED, "expected a person to change start_on_connect")
    return replace(after, start_on_connect=known)


def pool_view(me: Caller, pool: HostPool) -> HostPoolView:
    """Return what the caller sees of the pool."""
    # The command or URL may hold a password.
    wake = pool.start_on_connect if me.user and me.role.includes(Role.ADMINISTRATOR) else None
    return HostPoolView(
        id=pool.id,
        name=pool.name,
        kind=pool.kind,
        load_balancing=pool.load_balancing,
        session_limit=pool.session_limit,
        assignment=pool.assignment,
        start_on_connect=StartOnConnectView.model_validate(wake) if wake else None,
        redirections=sorted(pool.redirections),
        multi_monitor=pool.multi_monitor,
        step_up=StepUpView.model_validate(pool.step_up),
        version=pool.version,
    )


def _add_hosts(router: APIRouter, api: Api) -> None:
    pools = Nouns(api, HostPool, "host-pool")

    @router.get("/host-pools/{id}/hosts", summary="List the hosts of a pool, and how they stand")
    async def list_pool_hosts(
        me: Me, id: Id, after: After = "", limit: Limit = 100
    ) -> PageView[PoolHostView]:
        pool = await pools.get(me, id)
        standings = await api.directory.standings(me.tenant, pool.id, NOBODY)
        page, cursor = sliced(standings, lambda each: each.member.host, after, limit)
        return PageView(items=[_standing(each) for each in page], after=cursor)

    @router.put(
        "/host-pools/{id}/hosts/{host_id}",
        status_code=204,
        summary="Put a host into the pool, or change its weight, drain mode and owner",
    )
    async def save_pool_host(me: Me, id: Id, host_id: Id, body: PoolHostBody) -> None:
        pool = await pools.get(me, id)
        if not is_id(host_id):
            raise not_there()
        member = pool_host_of(me.tenant, pool.id, host_id, body)
        known = await api.directory.pool_host(me.tenant, member.host)
        if known is not None and known.pool == pool.id and "owner" not in body.model_fields_set:
            member = replace(member, owner=known.owner)
        if known == member:
            return
        await api.directory.save_pool_host(member)
        note(api, me, "host-pool.host", f"host:{host_id}", f"pool {id}, {_told(member)}")

    @router.delete("/host-pools/{id}/hosts/{host_id}", status_code=204, summary="Take a host out of the pool")
    async def remove_pool_host(me: Me, id: Id, host_id: Id) -> None:
        pool = await pools.get(me, id)
        known = await api.directory.pool_host(me.tenant, HostId(host_id)) if is_id(host_id) else None
        if known is None or known.pool != pool.id:
            raise not_there()
        await api.directory.remove_pool_host(me.tenant, known.host)
        note(api, me, "host-pool.host-remove", f"host:{host_id}", f"pool {id}")


def pool_host_of(tenant: TenantId, pool: str, host: str, body: PoolHostBody) -> PoolHost:
    """Return the host in its pool that a body says; raise the problem if it breaks a rule."""
    owner = UserId(body.owner) if body.owner is not None else None
    return fitting(PoolHost, tenant, PoolId(pool), HostId(host), body.weight, body.drained, owner)


def _told(member: PoolHost) -> str:
    return ", ".join(f"{name}: {getattr(member, name)!r}" for name in PoolHostBody.model_fields)


def _standing(standing: HostStanding) -> PoolHostView:
    member = standing.member
    return PoolHostView(
        host=member.host,
        name=standing.name,
        weight=member.weight,
        drained=member.drained,
        owner=member.owner,
        link_up=standing.link_up,
        failed=sorted(standing.failed),
        sessions=standing.sessions,
    )

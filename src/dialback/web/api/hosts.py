"""`/hosts` and `/join-codes`: session hosts, what their agents say of them, and how new ones come in."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from dialback.domain.directory import HostStanding
from dialback.domain.health import Check
from dialback.domain.hosts import Host, HostReport, JoinCode
from dialback.domain.ids import HostId, PoolId
from dialback.domain.names import check_name
from dialback.domain.pools import HostPool
from dialback.identity.certificates import fingerprint
from dialback.identity.tokens import hash_token, make_token
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import (
    After,
    Api,
    Body,
    Caller,
    Id,
    Limit,
    Me,
    PageView,
    View,
    fitting,
    named_key,
    note,
    sliced,
)
from dialback.web.api.problems import broken_rule, not_there
from dialback.wire.agent import joincode

MAX_HOST_NAME_CHARS = 253


class RdpServerView(View):
    """What an agent's probe found at a target; `signature` is the host key's of the certificate, if any."""

    target: str
    answers: bool
    security: str
    tls_version: str
    certificate_sha256: str
    problem: str
    signed_at: str
    signature: str


class ManagementOfferView(View):
    """Versions of the management protocol that an agent speaks, and what its host lets a console ask for."""

    lowest_version: int
    highest_version: int
    offers: list[str]


class ReportView(View):
    """What an agent says of its host; every text is the agent's own claim.

    `management` is null if the host is not to be managed, or its agent does not say.
    """

    host_name: str
    system: str
    agent_version: str
    rdp_servers: list[RdpServerView]
    management: ManagementOfferView | None


class HostView(View):
    """A session host. `pool`, `drained`, `failed` and `sessions` are of the pool it is in."""

    id: str
    name: str
    enrolled_at: datetime
    link_up: bool
    link_changed_at: datetime | None
    report: ReportView | None
    reported_at: datetime | None
    pool: str | None
    drained: bool
    failed: list[Check]
    sessions: int


class JoinCodeBody(Body):
    """Which host to let in. Without `pool`, the id of a host pool, it gets a pool of its own."""

    name: str
    pool: str | None = None
    hours: Annotated[float, Field(strict=True, gt=0, le=720, allow_inf_nan=False)] = 24


class JoinCodeView(View):
    """A join code, good for one host; shown this once."""

    code: str
    expires_at: datetime


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""

    @router.get("/hosts", summary="List session hosts by name")
    async def list_hosts(me: Me, after: After = "", limit: Limit = 100) -> PageView[HostView]:
        mine = [host for host in await api.store.hosts(me.tenant) if host.revoked_at is None]
        page, cursor = sliced(mine, lambda host: named_key(host.name, host.id), after, limit)
        standing = await standings(api, me)
        return PageView(items=[_view(host, standing.get(host.id)) for host in page], after=cursor)

    @router.get("/hosts/{id}", summary="Read a session host")
    async def read_host(me: Me, id: Id) -> HostView:
        host = await _host(api, me, id)
        return _view(host, (await standings(api, me)).get(host.id))

    @router.delete("/hosts/{id}", status_code=204, summary="Revoke a host's key: nothing new is opened to it")
    async def revoke_host(me: Me, id: Id) -> None:
        host = await _host(api, me, id)
        await api.store.revoke_host(host.id, api.now())
        await api.directory.remove_pool_host(me.tenant, host.id)
        note(api, me, "host.revoke", f"host:{id}", host.name)

    @router.post("/join-codes", status_code=201, summary="Make a join code, good for one host")
    async def make_join_code(me: Me, body: JoinCodeBody) -> JoinCodeView:
        fitting(check_name, body.name, "host name", MAX_HOST_NAME_CHARS)
        pool = await _pool_of(api, me, body.pool)
        secret, expires_at = make_token(), api.now() + timedelta(hours=body.hours)
        await api.store.save_join_code(
            JoinCode(hash_token(secret), body.name, expires_at, tenant=me.tenant, pool=pool)
        )
        note(api, me, "join-code.make", f"host-name:{body.name}", f"good until {expires_at.isoformat()}")
        code = joincode.JoinCode(api.address, fingerprint(api.ca_pem.encode()), secret.reveal())
        return JoinCodeView(code=joincode.build(code), expires_at=expires_at)


async def _host(api: Api, me: Caller, id: str) -> Host:
    host = await api.store.host(me.tenant, HostId(id)) if is_id(id) else None
    if host is None or host.revoked_at is not None:
        raise not_there()
    return host


async def _pool_of(api: Api, me: Caller, id: str | None) -> PoolId | None:
    if id is None:
        return None
    pool = await api.directory.get(HostPool, me.tenant, id) if is_id(id) else None
    if pool is None:
        raise broken_rule("body.pool", "expected the id of a host pool that is there")
    return pool.id


async def standings(api: Api, me: Caller) -> dict[HostId, HostStanding]:
    """Return how every host of the caller's tenant stands that is in a pool."""
    return {each.member.host: each for each in await api.directory.all_standings(me.tenant)}


def _view(host: Host, standing: HostStanding | None) -> HostView:
    return HostView(
        id=host.id,
        name=host.name,
        enrolled_at=host.enrolled_at,
        link_up=host.link_up,
        link_changed_at=host.link_changed_at,
        report=_report(host.report),
        reported_at=host.reported_at,
        pool=standing.member.pool if standing else None,
        drained=standing.member.drained if standing else False,
        failed=sorted(standing.failed) if standing else [],
        sessions=standing.sessions if standing else 0,
    )


def _report(report: HostReport | None) -> ReportView | None:
    return ReportView.model_validate(report) if report else None

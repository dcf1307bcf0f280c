"""`/provider/tenants`: the tenants of the provider, their terms, and the live state of their hosts.

Who is on the staff sees the tenants they serve, an administrator all of them; what somebody does not serve is
not there for them. Nobody becomes part of a tenant by it: everything here names the tenant it is about.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from dialback.domain.audit import ActorKind
from dialback.domain.directory import HostStanding, VersionStale
from dialback.domain.health import Check
from dialback.domain.hosts import Host
from dialback.domain.ids import TenantId
from dialback.domain.provider import PROVIDER, TenantUse, Terms, month_of, sees
from dialback.domain.tenancy import Tenant
from dialback.web.api.hosts import ReportView, standings
from dialback.web.api.nouns import is_id
from dialback.web.api.parts import (
    MADE,
    After,
    Api,
    Body,
    Caller,
    IfMatch,
    Limit,
    Me,
    PageView,
    View,
    Whole,
    changes,
    fitting,
    named_key,
    note,
    sliced,
    tagged,
    version_of,
)
from dialback.web.api.problems import broken_rule, not_there

InTenant = Annotated[str, Path(description="Id of the tenant.", min_length=1, max_length=200)]
Limited = Annotated[Whole, Field(ge=1, lt=2**62)] | None


class TermsView(View):
    """On which terms a tenant is served; null is none. Limits: connections at once, bytes in a second and in
    a calendar month in UTC.
    """

    tags: list[str]
    begins_at: datetime | None
    ends_at: datetime | None
    suspended_at: datetime | None
    most_connections: int | None
    most_bytes_s: int | None
    most_bytes_month: int | None


class TermsBody(Body):
    """Terms as they are to be; what is left out is none."""

    tags: tuple[str, ...] = ()
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    suspended_at: datetime | None = None
    most_connections: Limited = None
    most_bytes_s: Limited = None
    most_bytes_month: Limited = None


class TenantBody(Body):
    """What people read of the tenant."""

    name: str


class ServedTenantView(View):
    """A tenant, its hosts by whether their agent link is up, its terms, and what it uses of them."""

    id: str
    name: str
    hosts_up: int
    hosts_down: int
    suspended: bool
    terms: TermsView
    connections: int
    bytes_month: int


class HostStateView(View):
    """A host as it is now. `public_key` is hexadecimal; `failed` are the checks that fail on it."""

    id: str
    name: str
    link_up: bool
    link_changed_at: datetime | None
    failed: list[Check]
    sessions: int
    agent_version: str
    public_key: str
    report: ReportView | None
    reported_at: datetime | None


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""
    _add_tenants(router, api)
    _add_terms(router, api)
    _add_hosts(router, api)


def _add_tenants(router: APIRouter, api: Api) -> None:
    @router.get("/provider/tenants", summary="List the tenants that the caller serves, by name")
    async def list_served_tenants(
        me: Me, after: After = "", limit: Limit = 100
    ) -> PageView[ServedTenantView]:
        agreed = {terms.tenant: terms for terms in await api.provider.all_terms()}
        served = [
            tenant
            for tenant in await api.directory.tenants()
            if tenant.id in agreed and may_see(me, agreed[tenant.id])
        ]
        page, cursor = sliced(served, lambda tenant: named_key(tenant.name, tenant.id), after, limit)
        hosts_of_page = await _hosts(api, [tenant.id for tenant in page])
        hosts = Counter((host.tenant, host.link_up) for host in hosts_of_page)
        views = [await _tenant_view(api, tenant, agreed[tenant.id], hosts) for tenant in page]
        return PageView(items=views, after=cursor)

    @router.get("/provider/tenants/{tenant}", summary="Read a tenant that the caller serves")
    async def read_served_tenant(me: Me, tenant: InTenant) -> ServedTenantView:
        found, terms = await served_tenant(api, me, tenant)
        hosts = Counter((host.tenant, host.link_up) for host in await _hosts(api, [found.id]))
        return await _tenant_view(api, found, terms, hosts)

    @router.put("/provider/tenants/{tenant}", summary="Make or rename a tenant", responses=MADE)
    async def save_served_tenant(
        me: Me, tenant: InTenant, body: TenantBody, response: Response, if_match: IfMatch = None
    ) -> ServedTenantView:
        wanted = fitting(Tenant, TenantId(tenant), body.name)
        if tenant == PROVIDER:
            raise broken_rule("path.tenant", "expected another id: this one is of the provider itself")
        before = await api.directory.tenant(wanted.id)
        if if_match is not None and (before is None or version_of(if_match) not in (0, before.version)):
            raise VersionStale("it was changed, or is not there")
        if before is None:
            response.status_code = 201
        if before != wanted:
            await api.directory.save_tenant(replace(wanted, version=before.version if before else 0))
            note(api, me, "tenant.save", f"tenant:{tenant}", changes(before, wanted))
        return await read_served_tenant(me, tenant)


def _add_terms(router: APIRouter, api: Api) -> None:
    @router.get("/provider/tenants/{tenant}/terms", summary="Read the terms of a tenant")
    async def read_terms(me: Me, tenant: InTenant, response: Response) -> TermsView:
        _, terms = await served_tenant(api, me, tenant)
        return _told(terms, response)

    @router.put("/provider/tenants/{tenant}/terms", summary="Agree on other terms with a tenant")
    async def save_terms(
        me: Me, tenant: InTenant, body: TermsBody, response: Response, if_match: IfMatch = None
    ) -> TermsView:
        found, before = await served_tenant(api, me, tenant)
        instants = {
            name: _aware(name, getattr(body, name)) for name in ("begins_at", "ends_at", "suspended_at")
        }
        plain = {**body.model_dump(), **instants, "tags": frozenset(body.tags)}
        wanted = fitting(Terms, found.id, **plain)
        if version_of(if_match) not in (0, before.version):
            raise VersionStale("the terms were changed")
        if wanted == before:
            return _told(before, response)
        kept = await api.provider.save_terms(replace(wanted, version=before.version))
        note(api, me, "terms.save", f"tenant:{tenant}", changes(before, kept))
        return _told(kept, response)


def _add_hosts(router: APIRouter, api: Api) -> None:
    @router.get("/provider/tenants/{tenant}/hosts", summary="List a tenant's hosts as they are now, by name")
    async def list_served_hosts(
        me: Me, tenant: InTenant, after: After = "", limit: Limit = 100
    ) -> PageView[HostStateView]:
        found, _ = await served_tenant(api, me, tenant)
        theirs = await _hosts(api, [found.id])
        page, cursor = sliced(theirs, lambda host: named_key(host.name, host.id), after, limit)
        standing = await standings(api, replace(me, tenant=found.id))
        views = [await _host_view(api, host, standing.get(host.id)) for host in page]
        return PageView(items=views, after=cursor)


def may_see(me: Caller, terms: Terms) -> bool:
    """Say whether the caller serves the tenant of the terms, or administers all."""
    if me.actor.kind is ActorKind.LOCAL:
        return terms.tenant != PROVIDER
    return me.staff is not None and sees(me.staff, terms)


async def served_tenant(api: Api, me: Caller, id: str) -> tuple[Tenant, Terms]:
    """Return a tenant and its terms; raise the problem unless the caller serves it."""
    tenant = await api.directory.tenant(TenantId(id)) if is_id(id) else None
    if tenant is None:
        raise not_there()
    terms = await api.provider.terms(tenant.id)
    if not may_see(me, terms):
        raise not_there()
    return tenant, terms


async def use_of(api: Api, tenant: TenantId) -> TenantUse:
    """Return what the tenant uses now."""
    live = sum(connection.tenant == tenant for connection in api.connections.live())
    return TenantUse(live, await api.provider.bytes_in(tenant, month_of(api.now())))


async def _hosts(api: Api, tenants: Collection[TenantId]) -> list[Host]:
    return [host for host in await api.store.hosts_of(tenants) if host.revoked_at is None]


async def _tenant_view(
    api: Api, tenant: Tenant, terms: Terms, hosts: Counter[tuple[TenantId, bool]]
) -> ServedTenantView:
    use = await use_of(api, tenant.id)
    return ServedTenantView(
        id=tenant.id,
        name=tenant.name,
        hosts_up=hosts[tenant.id, True],
        hosts_down=hosts[tenant.id, False],
        suspended=terms.suspended_at is not None,
        terms=_terms_view(terms),
        connections=use.connections,
        bytes_month=use.bytes_month,
    )


def _terms_view(terms: Terms) -> TermsView:
    names = [name for name in TermsView.model_fields if name != "tags"]
    return TermsView(tags=sorted(terms.tags), **{name: getattr(terms, name) for name in names})


def _told(terms: Terms, response: Response) -> TermsView:
    if terms.version:
        tagged(response, terms.version)
    return _terms_view(terms)


def _aware(name: str, at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise broken_rule(f"body.{name}", "expected an instant with a time zone")
    return at


async def _host_view(api: Api, host: Host, standing: HostStanding | None) -> HostStateView:
    # Of a host in no pool nothing has counted them.
    unpooled = () if standing else await api.directory.sessions(host.tenant, host.id)
    return HostStateView(
        id=host.id,
        name=host.name,
        link_up=host.link_up,
        link_changed_at=host.link_changed_at,
        failed=sorted(standing.failed) if standing else [],
        sessions=standing.sessions if standing else len(unpooled),
        agent_version=host.report.agent_version if host.report else "",
        public_key=host.public_key.hex(),
        report=ReportView.model_validate(host.report) if host.report else None,
        reported_at=host.reported_at,
    )

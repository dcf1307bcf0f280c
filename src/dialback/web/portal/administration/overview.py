"""How things stand: hosts with their health, how many sessions, and what waits for approval.

An administrator drains a host. Nothing here is asked pool by pool or host by host.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import Person
from dialback.domain.directory import HostStanding
from dialback.domain.ids import HostId, PoolId
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import Role
from dialback.identity.certificates import WARN_DAYS
from dialback.web.forms import Form
from dialback.web.pages import see_other
from dialback.web.people import Administrator, Helpdesk
from dialback.web.portal.needs import Portal
from dialback.web.problems import NotFound

POOLS: Final = 50
"""How many host pools a page has: a host that joined without one has a pool of its own."""
OLDEST: Final = 20
"""How many of the connections that wait for approval are shown."""
SAID: Final = {
    "drained": "The host is in drain mode: it keeps its sessions and gets no new one.",
    "undrained": "The host takes new sessions again.",
}


@dataclass(frozen=True, slots=True)
class PoolView:
    """A host pool and how its hosts stand."""

    pool: HostPool
    standings: tuple[HostStanding, ...]


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/admin")
    async def overview(request: Request, person: Helpdesk, said: str = "", after: str = "") -> Response:
        facts = {"said": SAID.get(said, ""), **await _facts(portal, person, after)}
        return await portal.pages.show(request, "admin_overview.html", section="admin", **facts)

    @router.post("/admin/hosts/{host}/drain")
    async def drain(request: Request, person: Administrator, host: str, form: Form) -> Response:
        drained = form.get("drained") == "yes"
        member = await portal.directory.pool_host(person.user.tenant, HostId(host))
        if member is None:
            raise NotFound
        await portal.directory.save_pool_host(replace(member, drained=drained))
        portal.notes.did(request, person, "host.drain" if drained else "host.undrain", f"host:{host}")
        after = quote(form.get("after", ""), safe="")
        return see_other(f"/admin?said={'drained' if drained else 'undrained'}&after={after}")

    return router


async def _facts(portal: Portal, person: Person, after: str) -> Mapping[str, Any]:
    tenant, now = person.user.tenant, portal.now()
    in_pool: defaultdict[PoolId, list[HostStanding]] = defaultdict(list)
    for standing in await portal.directory.all_standings(tenant):
        in_pool[standing.member.pool].append(standing)
    page = await portal.directory.page(HostPool, tenant, after, POOLS)
    hosts = {host.id: host for host in await portal.store.hosts(tenant)}
    return {
        "pools": [PoolView(pool, tuple(in_pool[pool.id])) for pool in page.items],
        "pools_count": await portal.directory.count(HostPool, tenant),
        "after": after,
        "following": page.after,
        "hosts": hosts,
        "sessions_count": await portal.directory.count_sessions(tenant),
        "links_up": sum(host.link_up for host in hosts.values() if host.revoked_at is None),
        "hosts_count": sum(host.revoked_at is None for host in hosts.values()),
        "approvals": (await portal.approvals.waiting_page(tenant, now, limit=OLDEST)).items,
        "waiting_count": await portal.approvals.count_waiting(tenant, now),
        "may_change": person.role.includes(Role.ADMINISTRATOR),
        "publisher_ends": portal.publisher.facts.days_left(now) < WARN_DAYS,
        "in_tab": "overview",
    }

"""How things stand: hosts with their health, sessions, and what waits for approval.

An administrator drains a host. Helpdesk, as by the API, messages, disconnects or logs off a session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import Person
from dialback.domain.contracts import Store
from dialback.domain.directory import MAX_PAGE, HostStanding
from dialback.domain.errors import SENTENCES, Refused
from dialback.domain.hosts import Host
from dialback.domain.ids import HostId, TenantId
from dialback.domain.orders import SessionAction, check_message
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import Role
from dialback.identity.certificates import WARN_DAYS
from dialback.web.forms import Form
from dialback.web.pages import see_other
from dialback.web.people import Administrator, Helpdesk
from dialback.web.portal.needs import Portal
from dialback.web.problems import NotFound

SAID: Final = {
    "drained": "The host is in drain mode: it keeps its sessions and gets no new one.",
    "undrained": "The host takes new sessions again.",
    "message": "The message is shown in the session.",
    "disconnect": "The session is disconnected.",
    "log-off": "The session is logged off.",
}


@dataclass(frozen=True, slots=True)
class PoolView:
    """A host pool and how its hosts stand."""

    pool: HostPool
    standings: tuple[HostStanding, ...]


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    async def page(request: Request, person: Person, status: int = 200, **more: Any) -> Response:
        facts = {"said": "", "error": "", **await _facts(portal, person), **more}
        return await portal.pages.show(request, "admin_overview.html", status, section="admin", **facts)

    @router.get("/admin")
    async def overview(request: Request, person: Helpdesk, said: str = "") -> Response:
        return await page(request, person, said=SAID.get(said, ""))

    @router.post("/admin/hosts/{host}/drain")
    async def drain(request: Request, person: Administrator, host: str, form: Form) -> Response:
        drained = form.get("drained") == "yes"
        member = await portal.directory.pool_host(person.user.tenant, HostId(host))
        if member is None:
            raise NotFound
        await portal.directory.save_pool_host(replace(member, drained=drained))
        portal.notes.did(request, person, "host.drain" if drained else "host.undrain", f"host:{host}")
        return see_other(f"/admin?said={'drained' if drained else 'undrained'}")

    @router.post("/admin/sessions/{host}/{session}")
    async def order(request: Request, person: Helpdesk, host: str, session: str, form: Form) -> Response:
        tenant, text = person.user.tenant, form.get("text", "").replace("\r\n", "\n")
        action = next((action for action in SessionAction if action == form.get("action")), None)
        on_host = await portal.directory.sessions(tenant, HostId(host))
        found = next((each for each in on_host if each.id == session), None)
        if action is None or found is None or portal.orders is None:
            raise NotFound
        try:
            if action is SessionAction.MESSAGE:
                check_message(text)
            await portal.orders.order(tenant, found.host, found.id, action, text)
        except ValueError as error:
            return await page(request, person, 422, error=f"The message was not sent: {error}.")
        except Refused as refused:
            return await page(request, person, 502, error=SENTENCES[refused.reason])
        portal.notes.did(request, person, f"session.{action}", f"session:{host}/{session}", found.user)
        return see_other(f"/admin?said={action}")

    return router


async def _facts(portal: Portal, person: Person) -> Mapping[str, Any]:
    tenant = person.user.tenant
    pools = (await portal.directory.page(HostPool, tenant, limit=MAX_PAGE)).items
    views = [
        PoolView(pool, tuple(await portal.directory.standings(tenant, pool.id, person.user.name)))
        for pool in pools
    ]
    hosts = await _hosts(portal.store, tenant)
    sessions = await portal.directory.sessions(tenant)
    return {
        "pools": views,
        "hosts": hosts,
        "sessions": sessions,
        "links_up": sum(host.link_up for host in hosts.values() if host.revoked_at is None),
        "hosts_count": sum(host.revoked_at is None for host in hosts.values()),
        "approvals": await portal.approvals.waiting(tenant, portal.now()),
        "may_change": person.role.includes(Role.ADMINISTRATOR),
        "can_order": portal.orders is not None,
        "publisher_ends": portal.publisher.facts.days_left(portal.now()) < WARN_DAYS,
        "in_tab": "overview",
    }


async def _hosts(store: Store, tenant: TenantId) -> dict[HostId, Host]:
    return {host.id: host for host in await store.hosts(tenant)}

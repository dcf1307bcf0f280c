"""How to subscribe to the feed, on each platform; to everything, or to one workspace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response

from dialback.domain.catalog import ApplicationGroup, Workspace
from dialback.domain.names import key_of
from dialback.domain.tenancy import MAIN, User
from dialback.web.feed.addresses import feed_url, txt_record, wcx_path
from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal

EXAMPLE_DOMAIN: Final = "example.org"


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed of one workspace: its name, its address, and the path of the file that subscribes to it."""

    name: str
    url: str
    wcx: str


def make_router(portal: Portal) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    @router.get("/subscribe")
    async def subscribe(request: Request, person: SignedIn) -> Response:
        spaces = await _workspaces(portal, person.user)
        return await portal.pages.show(
            request,
            "subscribe.html",
            section="subscribe",
            feed=feed_url(portal.address),
            wcx=wcx_path(),
            feeds=[Feed(each.name, feed_url(portal.address, each.id), wcx_path(each.id)) for each in spaces],
            record=txt_record(portal.address, EXAMPLE_DOMAIN),
            login=login_of(person.user.tenant, person.user.name),
        )

    return router


async def _workspaces(portal: Portal, user: User) -> Sequence[Workspace]:
    """Return the workspaces by name that hold a part of what the user may use; none if one holds it all."""
    directory, tenant = portal.directory, user.tenant
    groups = {each.application_group for each in await directory.resources_of(tenant, user.id)}
    found = await directory.some(ApplicationGroup, tenant, groups)
    ids = {group.workspace for group in found.values()}
    if len(ids) < 2:
        return ()
    spaces = await directory.some(Workspace, tenant, {id for id in ids if id is not None})
    return sorted(spaces.values(), key=lambda each: key_of(each.name))


def login_of(tenant: str, name: str) -> str:
    """Return what the person types as user name in a client; a name with a backslash takes its tenant too."""
    return name if tenant == MAIN and "\\" not in name else f"{tenant}\\{name}"

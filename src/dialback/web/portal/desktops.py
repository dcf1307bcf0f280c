"""My desktops and apps: what I may use, and the connection file that opens it.

A file holds a connection token of minutes. Where the host pool wants an approval, the file comes with the
number that the approval will ask for, so it is shown first and the file follows from that page, made anew for
the same token: nothing is kept in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.approvals import number_of
from dialback.domain.directory import Published
from dialback.domain.ids import HostId, ResourceName
from dialback.domain.pools import PoolKind
from dialback.domain.secret import Secret
from dialback.domain.tenancy import User
from dialback.identity.tokens import hash_token, make_token
from dialback.web.forms import Form
from dialback.web.pages import wants_part
from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal
from dialback.web.portal.shelves import count_of, first_of, recent_of, shelves_of
from dialback.web.problems import NotFound

FILE_LIFE: Final = timedelta(minutes=10)
MAX_RECENT: Final = 100
SHOWN: Final = 200
"""More desktops and apps than this are found by search: nobody reads so far."""
MAX_PINS: Final = 8
"""More certificates than this make no command line."""


@dataclass(frozen=True, slots=True)
class FreeRdp:
    """The command that opens a file; `pinned` says whether it names the host's certificate."""

    command: str
    pinned: bool


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/")
    async def desktops(request: Request, person: SignedIn, q: str = "") -> Response:
        user = person.user
        resources = await portal.directory.resources_of(user.tenant, user.id)
        records = await portal.store.connections(user.tenant, MAX_RECENT, user.name)
        shelves = shelves_of(resources, recent_of(records), q)
        facts: dict[str, Any] = {
            "shelves": first_of(shelves, SHOWN),
            "count": count_of(shelves),
            "most": SHOWN,
            "query": q,
            "any": any(resource.shown for resource in resources),
        }
        if wants_part(request):
            return portal.pages.answer("desktops_part.html", **facts)
        return await portal.pages.show(request, "desktops.html", section="desktops", **facts)

    @router.get("/connect/{alias}")
    async def show(request: Request, person: SignedIn, alias: str) -> Response:
        published = await _published(portal, person.user, alias)
        facts: dict[str, Any] = {
            "resource": published.resource,
            "free_rdp": await free_rdp(portal, published, person.user),
        }
        if wants_part(request):
            return portal.pages.answer("free_rdp.html", **facts)
        return await portal.pages.show(request, "desktop.html", section="desktops", **facts)

    @router.post("/connect/{alias}")
    async def connect(request: Request, person: SignedIn, alias: str) -> Response:
        published = await _published(portal, person.user, alias)
        token = await _issue(portal, published, person.user)
        portal.notes.did(request, person, "connection-file.make", f"resource:{published.resource.id}")
        if not published.pool.step_up.wanted:
            return _file(portal, published, person.user, token)
        return await portal.pages.show(
            request,
            "number.html",
            section="desktops",
            resource=published.resource,
            number=number_of(hash_token(token)),
            token=token.reveal(),
            minutes=int(FILE_LIFE.total_seconds() // 60),
        )

    @router.post("/connect/{alias}/file")
    async def file(person: SignedIn, alias: str, form: Form) -> Response:
        published = await _published(portal, person.user, alias)
        token = Secret(form.get("token", ""))
        known, _ = await portal.store.token(hash_token(token))
        if known is None or not _may_have(known, published, person.user, portal):
            raise NotFound
        return _file(portal, published, person.user, token)

    return router


def _may_have(token: ConnectionToken, published: Published, user: User, portal: Portal) -> bool:
    """Say whether the token is the user's own for this resource, and good."""
    return (
        (token.tenant, token.user_id, token.resource, token.kind)
        == (user.tenant, user.id, published.resource.name, TokenKind.CONNECTION)
        and token.revoked_at is None
        and portal.now() < token.expires_at
    )


async def _published(portal: Portal, user: User, alias: str) -> Published:
    published = await portal.directory.published(user.tenant, user.id, ResourceName(alias))
    if published is None:
        raise NotFound
    return published


async def _issue(portal: Portal, published: Published, user: User) -> Secret:
    token, now = make_token(), portal.now()
    await portal.store.save_token(
        ConnectionToken(
            hash_token(token), user.tenant, user.id, user.name, published.resource.name, now, now + FILE_LIFE
        )
    )
    return token


def _file(portal: Portal, published: Published, user: User, token: Secret) -> Response:
    headers = {
        # An alias is a DNS label, so it needs no quoting of any kind.
        "Content-Disposition": f'attachment; filename="{published.resource.name}.rdp"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    content = portal.files.one_click(published, user, token)
    return Response(content, headers=headers, media_type="application/x-rdp")


async def free_rdp(portal: Portal, published: Published, user: User) -> FreeRdp:
    """Return the command for FreeRDP, pinned if the certificate of every host it may meet is known."""
    file, pins = f"{published.resource.name}.rdp", await _pins(portal, published, user)
    if not pins:
        return FreeRdp(f"xfreerdp {file}", pinned=False)
    return FreeRdp(
        f"xfreerdp {file} /cert:{','.join(f'fingerprint:sha256:{pin}' for pin in pins)}", pinned=True
    )


async def _pins(portal: Portal, published: Published, user: User) -> Sequence[str]:
    """Return the certificates of the hosts; none if one of them is not known, or if there are too many."""
    hosts = await _hosts(portal, published, user)
    if len(hosts) > MAX_PINS:
        return ()
    pins = []
    for host_id in hosts:
        host = await portal.store.host(user.tenant, host_id)
        if host is None or host.revoked_at is not None:
            continue
        servers = host.report.rdp_servers if host.report else ()
        pin = next((one.certificate_sha256 for one in servers if one.target == published.resource.target), "")
        if not pin:
            return ()
        pins.append(":".join(pin[at : at + 2] for at in range(0, len(pin), 2)))
    return tuple(dict.fromkeys(pins))


async def _hosts(portal: Portal, published: Published, user: User) -> Sequence[HostId]:
    """Return the hosts of the pool that the user may come to."""
    pool = published.pool
    members = await portal.directory.pool_hosts(pool.tenant, pool.id)
    if pool.kind is PoolKind.PERSONAL:
        members = [member for member in members if member.owner == user.id]
    return [member.host for member in members]

"""`dialback connect`: the remote access console's remote desktops, in the terminal."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import TypeAdapter

from dialback.app.settings import split_address
from dialback.cli.api import Api, ApiRefused, over_api
from dialback.cli.context import Failed
from dialback.cli.output import err, say, shown
from dialback.console.addresses import RDP_PORT
from dialback.console.announced import Announced
from dialback.console.clients import Display, find_client
from dialback.console.connecting import Access, Connecting, Report, Step, Visit
from dialback.console.ended import ReadEnd
from dialback.console.legs import Gateway
from dialback.console.proof import Proof
from dialback.console.saved import Saved, default_folder
from dialback.domain.consent import ConsentScope
from dialback.domain.ids import HostId, TenantId
from dialback.domain.management import ManagementOffer
from dialback.domain.secret import Secret
from dialback.transport.proxies import choose_proxy

TENANTS = ("provider", "tenants")
CONNECTIONS = ("provider", "connections")

Where = Annotated[str, typer.Argument(metavar="TENANT/HOST", help="As `dialback tenants` shows it.")]
Purpose = Annotated[str, typer.Option("--purpose", help="Why; the tenant reads it.")]
KEPT = "Kept for the host, once it was connected."
TicketNumber = Annotated[str, typer.Option("--ticket-number", help="Number of the case this is about.")]

_STEPS = {
    Step.ASKING: "asking for access",
    Step.REACHING: "reaching {}; its tenant may have to consent",
    Step.PROVING: "looking at the certificate of {}",
    Step.PROVEN: "starting the RDP client",
    Step.CONNECTED: "connected over {}; this ends with the RDP client",
}
_OFFER = TypeAdapter(ManagementOffer | None)


@over_api
async def connect(
    api: Api,
    where: Where,
    purpose: Purpose,
    ticket_number: TicketNumber = "",
    target: Annotated[str, typer.Option(help="Where the RDP server listens, seen from the host.")] = "",
    client: Annotated[str, typer.Option(help="RDP client to start; the first found if left out.")] = "",
    user: Annotated[str | None, typer.Option(help=f"Whom to log on as, '' to be asked. {KEPT}")] = None,
    size: Annotated[str | None, typer.Option(help=f"WIDTHxHEIGHT, '' for the client's own. {KEPT}")] = None,
    full_screen: Annotated[bool | None, typer.Option("--full-screen/--no-full-screen", help=KEPT)] = None,
    all_monitors: Annotated[bool | None, typer.Option("--all-monitors/--no-all-monitors", help=KEPT)] = None,
    clipboard: Annotated[bool | None, typer.Option("--clipboard/--no-clipboard", help=KEPT)] = None,
    sound: Annotated[bool | None, typer.Option("--sound/--no-sound", help=KEPT)] = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="The host was enrolled anew: trust it.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the redirector.")] = RDP_PORT,
) -> None:
    """Open a tenant's host by remote desktop, with the RDP client you have."""
    program, saved = find_client(client), Saved(default_folder())
    tenant, host, _ = await find_served(api, where)
    if new_key:
        saved.forget_key(tenant, host)
    known = saved.host(tenant, host).display
    flags = {
        "full_screen": full_screen,
        "multi_monitor": all_monitors,
        "clipboard": clipboard,
        "sound": sound,
    }
    display = _display(known, user, size, flags)
    access, gateway = await ask_access(
        api, tenant, host, purpose, ConsentScope.DESKTOP, target=target, ticket_number=ticket_number
    )

    def keep() -> None:
        if display != known:
            saved.save_display(tenant, host, display)

    visit = await _visit(Connecting(gateway, program, saved, port), access, display, keep)
    _tell(visit)
    if visit.problem:
        raise typer.Exit(1)


class Served(NamedTuple):
    """A host that the technician serves, and what its agent has announced of its management, if anything."""

    tenant: TenantId
    host: HostId
    announced: ManagementOffer | None


async def find_served(api: Api, where: str) -> Served:
    """Return the host, which may be given by id or name; `Failed` if there is none or several."""
    tenant, _, wanted = where.partition("/")
    if not tenant or not wanted:
        raise Failed(f"Expected TENANT/HOST as `dialback tenants` shows it, got {where!r}.")
    try:
        hosts = await api.all(*TENANTS, tenant, "hosts")
    except ApiRefused as refused:
        if refused.status != 404:
            raise
        raise Failed(f"You serve no tenant {tenant!r}; `dialback tenants` shows whom you serve.") from refused
    found = [each for each in hosts if each["id"] == wanted] or [
        each for each in hosts if each["name"].casefold() == wanted.casefold()
    ]
    if len(found) != 1:
        many = "several hosts" if found else "no host"
        raise Failed(f"The tenant {tenant} has {many} {wanted!r}; `dialback tenants {tenant}` shows them.")
    announced = (found[0].get("report") or {}).get("management")
    return Served(TenantId(tenant), HostId(found[0]["id"]), _OFFER.validate_python(announced))


async def ask_access(
    api: Api,
    tenant: TenantId,
    host: HostId,
    purpose: str,
    scope: ConsentScope,
    *,
    target: str = "",
    ticket_number: str = "",
) -> tuple[Access, Gateway]:
    """Ask for a way to the host; return it, and the gateway it leads through."""
    asked = {
        "tenant": tenant,
        "host": host,
        "purpose": purpose,
        "scope": scope.value,
        "target": target,
        "ticket_number": ticket_number,
    }
    told = await api.post(*CONNECTIONS, body=asked)
    if target and told["target"] != target:
        raise Failed(f"Asked for the target {target!r}, the platform gave a way to {told['target']!r}.")
    access = Access(
        tenant=tenant,
        host=host,
        name=f"{tenant}/{told['host_name']}",
        alias=told["alias"],
        token=Secret(told["token"]),
        host_key=told["host_key"],
        target=told["target"],
        announced=_announced(told),
        report=_reporting(api, tenant, told["request"]),
        read_end=_reading_end(api, told["request"], told["token"]),
    )
    name, port = split_address(told["address"])
    return access, Gateway(name, port, api.context, choose_proxy("", os.environ, name))


def _announced(told: Any) -> Announced:
    """Return what the platform hands over of the certificate at the target."""
    target, signatures = told["target"], told.get("signatures")
    signed = (signatures or {}).get(target, {})
    return Announced(
        sha256=told["certificates"].get(target, ""),
        signed_at=signed.get("signed_at", ""),
        signature=signed.get("signature", ""),
        signs=signatures is not None,
    )


def _reporting(api: Api, tenant: TenantId, request: str) -> Report:
    """Return what tells the platform what was seen of the host's certificate."""

    async def report(proof: Proof) -> None:
        body = {"proven": proof.proven.value, "shown": proof.shown, "announced": proof.announced}
        await api.ask("POST", *CONNECTIONS, request, "proof", json=body, params={"tenant": tenant})

    return report


def _reading_end(api: Api, request: str, token: str) -> ReadEnd:
    """Return what asks the platform why the newest connection of the request has ended."""

    async def read_end() -> Any:
        return await api.post(*CONNECTIONS, request, "end", body={"token": token})

    return read_end


async def _visit(connecting: Connecting, access: Access, display: Display, keep: Callable[[], None]) -> Visit:
    """Connect and return when the client has ended; `keep` is called in the end if it was started."""
    steps: set[Step] = set()
    with err.status(_STEPS[Step.ASKING]) as status:

        def tell(step: Step, detail: str) -> None:
            steps.add(step)
            if step is Step.PROVEN:
                say(shown(detail))
            if step in _STEPS:
                status.update(_STEPS[step].format(shown(detail)))

        try:
            return await connecting.connect(_given(access), tell, display)
        finally:
            if Step.CONNECTED in steps:
                keep()


def _given(access: Access) -> Callable[[], Awaitable[Access]]:
    async def ask() -> Access:
        return access

    return ask


def _tell(visit: Visit) -> None:
    traffic = visit.traffic
    say(f"Ended: {traffic.to_client_bytes:,} bytes from the host, {traffic.to_host_bytes:,} to it.")
    if visit.refused is not None:
        raise visit.refused
    if visit.problem:
        say(visit.problem)


def _display(known: Display, user: str | None, size: str | None, flags: dict[str, bool | None]) -> Display:
    """Return how the host is to be shown: as it was, but for what is said now."""
    said: dict[str, Any] = {name: flag for name, flag in flags.items() if flag is not None}
    if user is not None:
        said["user"] = user
    if size is not None:
        said["width"], said["height"] = _pixels(size)
    try:
        return replace(known, **said)
    except ValueError as error:
        raise Failed(f"The host cannot be shown so: {error}.") from error


def _pixels(size: str) -> tuple[int, int]:
    if not size:
        return 0, 0
    parts = size.lower().split("x")
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts):
        raise Failed(f"Expected WIDTHxHEIGHT like 1280x800, got {size!r}.")
    return int(parts[0]), int(parts[1])


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("connect")(connect)

"""`dialback console`: the remote access console as a window.

Qt is loaded when the command runs and not before; without it the command says how to get it.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter

from dialback.cli.api import (
    Api,
    CaOption,
    Login,
    ServerOption,
    TokenOption,
    choose_server,
    opened_api,
)
from dialback.cli.context import Failed, loop_factory, sentences
from dialback.cli.reach import TENANTS, ask_access
from dialback.console.addresses import RDP_PORT
from dialback.console.clients import find_client
from dialback.console.connecting import Access
from dialback.console.legs import Gateway
from dialback.console.saved import Saved, default_folder
from dialback.domain.consent import ConsentScope
from dialback.domain.ids import TenantId
from dialback.observe.log import configure_logging

if TYPE_CHECKING:
    from dialback.console.window.events import Event
    from dialback.console.window.platform import Host, Order, Platform, Tenant


def console(
    url: Annotated[str, typer.Option("--url", help="A dialback:// link to begin with.")] = "",
    client: Annotated[str, typer.Option(help="RDP client to start; the first found if left out.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the redirectors.")] = RDP_PORT,
    server: ServerOption = "",
    token: TokenOption = "",
    ca: CaOption = None,
) -> None:
    """Open the remote access console as a window."""
    with sentences():
        status = _run(url, client, port, choose_login(server, token, ca))
    raise typer.Exit(status)


def choose_login(server: str, token: str, ca: Path | None) -> Login:
    """Return which server is meant, and by which token; `Failed` without one."""
    chosen = choose_server(server, token, ca, None)
    if not isinstance(chosen, Login):
        raise Failed("The console is for the provider's staff; sign in with `dialback login SERVER`.")
    return chosen


def check_qt() -> None:
    """Return if Qt is installed and can be loaded; else `Failed`, saying what to do."""
    if find_spec("PySide6") is None:
        raise Failed("The window needs Qt: install it with `pip install 'dialback[console]'`.")
    try:
        import PySide6.QtNetwork
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        raise Failed(f"Qt cannot be loaded, a library of the system is missing: {error}.") from error


def _run(url: str, client: str, port: int, login: Login) -> int:
    check_qt()
    from dialback.console.window.application import run_window
    from dialback.console.window.engine import Engine
    from dialback.console.window.handover import hand_over, socket_name
    from dialback.console.window.links import parse_link

    configure_logging(level="warning")
    link = parse_link(url) if url else None
    name = socket_name(default_folder(), login.server)
    if hand_over(name, url):
        typer.echo("The console is open already; its window has come forward.")
        return 0
    saved = Saved(default_folder())

    def make(tell: "Callable[[Event], None]") -> Engine:
        return Engine(lambda: reached(login), lambda: find_client(client), saved, tell, port=port)

    return run_window(make, saved, login.server, link, loop_factory(), name)


@asynccontextmanager
async def reached(login: Login) -> AsyncIterator["Platform"]:
    """Open the platform for the window."""
    async with opened_api(login) as api:
        yield ApiPlatform(api)


class ApiPlatform:
    """The platform as the window asks it, over the API."""

    def __init__(self, api: Api) -> None:
        from dialback.console.window.platform import Host, Tenant

        self._api = api
        self._tenants = TypeAdapter(tuple[Tenant, ...])
        self._hosts = TypeAdapter(tuple[Host, ...])

    async def tenants(self) -> Sequence["Tenant"]:
        """Return the tenants whom the technician serves."""
        return self._tenants.validate_python(await self._api.all(*TENANTS))

    async def hosts(self, tenant: TenantId) -> Sequence["Host"]:
        """Return a tenant's hosts as they are now."""
        return self._hosts.validate_python(await self._api.all(*TENANTS, tenant, "hosts"))

    async def access(self, order: "Order", scope: ConsentScope) -> tuple[Access, Gateway]:
        """Ask for a way; return it, and the gateway through which it leads."""
        return await ask_access(
            self._api,
            order.place.tenant,
            order.place.host,
            order.purpose,
            scope,
            target=order.target if scope is ConsentScope.DESKTOP else "",
            ticket_number=order.ticket_number,
        )


def register(commands: typer.Typer) -> None:
    """Add this module's commands."""
    commands.command("console")(console)

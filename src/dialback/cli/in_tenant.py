"""Commands on one tenant that need no running server: clients of the API wherever it is.

With a data folder the API answers in this process, over the folder's database, and a tenant can be named. A
server's API is asked as whoever is signed in, who is in exactly one tenant.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec

import httpx
import typer
from starlette.types import ASGIApp

from dialback.app.local import LocalApi
from dialback.app.settings import store_url
from dialback.cli.api import Api, Login, command_of, opened_api
from dialback.cli.context import Failed
from dialback.cli.data import local_name, settings_of
from dialback.domain.ids import TenantId
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from dialback.transport.tls import client_context

P = ParamSpec("P")
NAME = "localhost"
TenantOption = Annotated[
    str, typer.Option("--tenant", help="The tenant; with a data folder any, else your own.")
]


def in_tenant(work: Callable[Concatenate[Api, P], Awaitable[None]]) -> Callable[..., None]:
    """Make a command of a coroutine function that takes first the API of one tenant, by default `main`."""
    return command_of(work, opened_tenant, tenant=TenantOption)


def in_tenants(work: Callable[Concatenate[Sequence[Api], P], Awaitable[None]]) -> Callable[..., None]:
    """Make a command that takes first the API of each tenant of the folder, or of the one that is named."""
    return command_of(work, opened_tenants, tenant=TenantOption)


async def tenant_of(api: Api) -> str:
    """Return the tenant that the API is asked in."""
    return str((await api.get("me"))["tenant"])


@asynccontextmanager
async def opened_tenant(chosen: Login | Path, tenant: str = "") -> AsyncIterator[Api]:
    """Open the API of one tenant."""
    async with opened_tenants(chosen, tenant or (MAIN if isinstance(chosen, Path) else "")) as apis:
        yield apis[0]


@asynccontextmanager
async def opened_tenants(chosen: Login | Path, tenant: str = "") -> AsyncIterator[Sequence[Api]]:
    """Open the API of the tenant that is named, or else of all that can be reached.

    Raises:
        Failed: there is none of that name, or it is not the one that somebody is signed in to.
    """
    if isinstance(chosen, Path):
        async with _opened_folder(chosen, tenant) as apis:
            yield apis
        return
    async with opened_api(chosen) as api:
        if tenant and tenant != (own := await tenant_of(api)):
            raise Failed(
                f"You are signed in to the tenant {own!r}; {tenant!r} takes the server's data folder."
            )
        yield [api]


@asynccontextmanager
async def _opened_folder(folder: Path, tenant: str) -> AsyncIterator[Sequence[Api]]:
    settings = settings_of(folder)
    store = await open_store(store_url(folder, settings))
    try:
        tenants = await _tenants(store, tenant)
        local, context = LocalApi(folder, settings, store, local_name()), client_context()
        async with AsyncExitStack() as clients:
            try:
                apps = [local.within(each) for each in tenants]
                yield [await clients.enter_async_context(_within(app, context, folder)) for app in apps]
            finally:
                await local.write_notes()
    finally:
        await store.close()


async def _tenants(store: SqlStore, tenant: str) -> list[TenantId]:
    if not tenant:
        return [each.id for each in await store.directory.tenants()]
    if await store.directory.tenant(TenantId(tenant)) is None:
        raise Failed(f"There is no tenant {tenant!r}.")
    return [TenantId(tenant)]


@asynccontextmanager
async def _within(app: ASGIApp, context: ssl.SSLContext, folder: Path) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{NAME}") as client:
        yield Api(client, str(folder), NAME, context)

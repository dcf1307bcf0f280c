"""The portal as one part of the web application: its routes, its files, and what guards it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dialback.domain.accounts import Accounts
from dialback.domain.approvals import Approvals
from dialback.domain.audit import Audit, Recorder
from dialback.domain.contracts import ConsentEvents, Store
from dialback.domain.directory import Directory
from dialback.domain.live import LiveConnections
from dialback.domain.orders import SessionOrders
from dialback.domain.provider import Provider
from dialback.identity.authenticator import Authenticator
from dialback.identity.oidc.flow import OidcProvider
from dialback.identity.signing import SigningKey
from dialback.web import problems, signin, signin_providers
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.connection_files import ConnectionFiles
from dialback.web.consents import Consents, Unheard
from dialback.web.notes import Notes
from dialback.web.pages import STATIC, Pages
from dialback.web.people import know_people
from dialback.web.portal import (
    approvals,
    desktops,
    device_codes,
    devices,
    reasons,
    sessions,
    subscribe,
    tenants,
)
from dialback.web.portal.administration import (
    audit_log,
    connections,
    consent,
    consent_keys,
    credentials,
    cuts,
    overview,
    published,
    publisher,
    users,
)
from dialback.web.portal.administration import sessions as all_sessions
from dialback.web.portal.needs import Portal
from dialback.web.problems import NotFound
from dialback.web.same_origin import SameOrigin
from dialback.web.signin import SigningIn

STATIC_LIFE = "public, max-age=31536000, immutable"
"""The address of a file changes with its content, so a browser never needs to ask again."""


@dataclass(frozen=True, slots=True)
class PortalParts:
    """What the portal needs of other roles, beside the store.

    `key`, 32 bytes or more and the same on every node, seals what browsers carry while they sign in.
    `providers` are OpenID providers by the names of their settings. Without `orders` no page offers to end
    somebody's session, without `connections` none to cut a connection. `platform_key` is the public half of
    the key that signs flight records.
    """

    directory: Directory
    accounts: Accounts
    approvals: Approvals
    audit: Audit
    recorder: Recorder
    authenticator: Authenticator
    publisher: SigningKey
    key: bytes = field(repr=False)
    now: Callable[[], datetime]
    provider: Provider
    orders: SessionOrders | None = None
    connections: LiveConnections | None = None
    consent_events: ConsentEvents | None = None
    providers: Mapping[str, OidcProvider] = field(default_factory=dict)
    platform_key: bytes = b""
    provider_settings: ProviderSettings = field(default_factory=ProviderSettings)


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = STATIC_LIFE
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def without_nul(request: Request) -> None:
    """Raise `NotFound` for an address with a NUL: nothing is called so, and not every store takes one."""
    if "\0" in request.url.path or "%00" in request.url.query:
        raise NotFound


def add_portal(app: FastAPI, parts: PortalParts, store: Store, address: str) -> None:
    """Add the portal to the application; `address` is `NAME:PORT`, as browsers reach it."""
    consents = Consents(parts.provider, parts.now, parts.consent_events or Unheard())
    pages, notes = Pages(parts.approvals, consents, parts.now), Notes(parts.recorder, parts.now)
    portal = Portal(
        pages=pages,
        notes=notes,
        directory=parts.directory,
        store=store,
        accounts=parts.accounts,
        approvals=parts.approvals,
        consents=consents,
        audit=parts.audit,
        authenticator=parts.authenticator,
        files=ConnectionFiles(parts.publisher, address),
        publisher=parts.publisher,
        address=address,
        now=parts.now,
        orders=parts.orders,
        connections=parts.connections,
        platform_key=parts.platform_key,
        provider_settings=parts.provider_settings,
    )
    signing_in = SigningIn(
        pages=pages,
        notes=notes,
        authenticator=parts.authenticator,
        key=parts.key,
        now=parts.now,
        providers=[provider.settings for provider in parts.providers.values()],
    )
    know_people(app.state, parts.authenticator)
    app.include_router(signin.make_router(signing_in))
    app.include_router(signin_providers.make_router(signing_in, parts.providers, address))
    modules: tuple[Any, ...] = (
        desktops, sessions, approvals, devices, subscribe, device_codes, tenants, reasons,
        overview, all_sessions, published, users, credentials,
        connections, cuts, consent, consent_keys, publisher, audit_log,
    )  # fmt: skip
    for module in modules:
        app.include_router(module.make_router(portal), dependencies=[Depends(without_nul)])
    app.mount("/static", _Files(directory=STATIC))
    app.add_middleware(SameOrigin)
    problems.add_handlers(app, pages, notes)

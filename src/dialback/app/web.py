"""The wiring of the web application: portal, API and feed over one store, with the roles behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from dialback.app.certificates import Certificates
from dialback.broker.enrolment import StoreEnrolment
from dialback.domain.approvals import Approvals
from dialback.domain.audit import Recorder
from dialback.domain.contracts import ConsentEvents
from dialback.domain.flight import FlightProofs
from dialback.domain.live import LiveConnections
from dialback.domain.orders import SessionOrders
from dialback.domain.secret import Secret
from dialback.identity.authenticator import Authenticator
from dialback.identity.oidc.flow import OidcProvider
from dialback.identity.oidc.settings import OidcSettings
from dialback.identity.signing import SigningKey
from dialback.observe.metrics import Metrics
from dialback.store.sql import SqlStore
from dialback.web.api.parts import Api
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.connection_files import ConnectionFiles
from dialback.web.feed.routes import FeedParts
from dialback.web.portal.application import PortalParts
from dialback.web.site import Site


@dataclass(frozen=True, slots=True)
class WebParts:
    """What people need of the web application; without it a node serves hosts and gateway clients alone.

    `key` seals what browsers carry while they sign in. `http` asks OpenID providers.
    """

    authenticator: Authenticator
    publisher: SigningKey
    key: Secret
    http: httpx.AsyncClient
    oidc: Sequence[OidcSettings] = field(default_factory=tuple)
    provider: ProviderSettings = field(default_factory=ProviderSettings)


@dataclass(frozen=True, slots=True)
class Behind:
    """The roles and back ends behind the web application."""

    store: SqlStore
    certificates: Certificates
    metrics: Metrics
    address: str
    approvals: Approvals
    recorder: Recorder
    connections: LiveConnections
    consent_events: ConsentEvents
    orders: SessionOrders
    flights: FlightProofs | None = None
    platform_key: bytes = b""


def build_site(behind: Behind, parts: WebParts | None) -> Site:
    """Return what the web application serves; without parts, what hosts need of it."""
    return Site(
        enrolment=StoreEnrolment(behind.store, behind.metrics),
        ca_pem=behind.certificates.ca_pem,
        metrics=behind.metrics,
        store=behind.store,
        address=behind.address,
        recorder=behind.recorder,
        portal=None if parts is None else _portal(behind, parts),
        api=None if parts is None else _api(behind, parts),
        feed=None if parts is None else _feed(behind, parts),
    )


def _portal(behind: Behind, parts: WebParts) -> PortalParts:
    return PortalParts(
        directory=behind.store.directory,
        accounts=behind.store.accounts,
        approvals=behind.approvals,
        audit=behind.store.audit,
        recorder=behind.recorder,
        authenticator=parts.authenticator,
        publisher=parts.publisher,
        key=bytes.fromhex(parts.key.reveal()),
        now=_now,
        provider=behind.store.provider,
        provider_settings=parts.provider,
        platform_key=behind.platform_key,
        orders=behind.orders,
        connections=behind.connections,
        consent_events=behind.consent_events,
        providers={each.name: OidcProvider(each, parts.http, _now) for each in parts.oidc},
    )


def _api(behind: Behind, parts: WebParts) -> Api:
    store = behind.store
    return Api(
        directory=store.directory,
        store=store,
        accounts=store.accounts,
        approvals=behind.approvals,
        audit=store.audit,
        recorder=behind.recorder,
        authenticator=parts.authenticator,
        icons=store.icons,
        provider=store.provider,
        files=ConnectionFiles(parts.publisher, behind.address),
        connections=behind.connections,
        consent_events=behind.consent_events,
        orders=behind.orders,
        address=behind.address,
        ca_pem=behind.certificates.ca_pem,
        now=_now,
        provider_settings=parts.provider,
        flight_proofs=behind.flights,
        platform_key=behind.platform_key,
    )


def _feed(behind: Behind, parts: WebParts) -> FeedParts:
    return FeedParts(
        authenticator=parts.authenticator,
        directory=behind.store.directory,
        store=behind.store,
        icons=behind.store.icons,
        files=ConnectionFiles(parts.publisher, behind.address),
        metrics=behind.metrics,
        recorder=behind.recorder,
        address=behind.address,
    )


def _now() -> datetime:
    return datetime.now(UTC)

"""The wiring: the one place where roles meet back ends and each other."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import uvicorn
from uvicorn.server import ServerState

from dialback.app.certificates import Certificates
from dialback.app.settings import Settings, public_address
from dialback.broker.approver import StepUpApprover
from dialback.broker.audited import AuditedBroker
from dialback.broker.auditor import Auditor
from dialback.broker.canary import Canaries
from dialback.broker.decisions import HeardApprovals
from dialback.broker.enrolment import StoreEnrolment
from dialback.broker.links import Links
from dialback.broker.orchestrate import StoreBroker
from dialback.broker.policing import Policing
from dialback.broker.records import Records
from dialback.broker.sweep import Sweep
from dialback.broker.wake import HookWaker
from dialback.domain.approvals import Approvals
from dialback.domain.audit import Recorder
from dialback.domain.contracts import Store
from dialback.domain.icons import Icons
from dialback.edge.accept import Edge, Handler
from dialback.gateway import tunnels, websockets
from dialback.gateway.canary import GatewayDialBack
from dialback.gateway.connection import Gateway
from dialback.gateway.rendezvous import Rendezvous
from dialback.gateway.reverse import ReverseLegs
from dialback.gateway.tunnels import Tunnels
from dialback.gateway.websockets import WebSockets
from dialback.identity.authenticator import Authenticator
from dialback.identity.signing import SigningKey
from dialback.observe.metrics import Metrics
from dialback.observe.tasks import Tasks
from dialback.relay.join import Relay
from dialback.store.sql import SqlStore
from dialback.transport.tls import server_context
from dialback.web.api.parts import Api
from dialback.web.connection_files import ConnectionFiles
from dialback.web.feed.routes import FeedParts
from dialback.web.site import Site, make_app
from dialback.wire.agent.link import LINK_PATH, REVERSE_PATH
from dialback.wire.head import RequestHead


@dataclass(frozen=True, slots=True)
class Node:
    """A running process of the platform, built and not yet listening."""

    edge: Edge
    tls: ssl.SSLContext
    tasks: Tasks
    links: Links
    canaries: Canaries
    records: Records
    auditor: Auditor
    policing: Policing
    sweep: Sweep
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class WebParts:
    """What people need of the web application; without it a node serves hosts and gateway clients alone."""

    authenticator: Authenticator
    icons: Icons
    publisher: SigningKey


def build_node(
    settings: Settings, certificates: Certificates, store: SqlStore, parts: WebParts | None = None
) -> Node:
    """Build web, gateway and broker over one store."""
    metrics, tasks = Metrics(), Tasks()
    links = Links(store, certificates.leaf_sha256, metrics, settings.broker)
    records, auditor = Records(store), Auditor(store.audit)
    approvals = HeardApprovals(store.approvals)
    broker = StoreBroker(
        store,
        links,
        records,
        approver=StepUpApprover(approvals, store.accounts, auditor, settings.broker),
        waker=HookWaker(links.up, tasks, settings.broker),
    )
    gateway = Gateway(
        address=public_address(settings),
        broker=AuditedBroker(broker, auditor),
        rendezvous=Rendezvous(certificates.leaf_sha256),
        relay=Relay(settings.gateway.keepalive_s),
        metrics=metrics,
        tasks=tasks,
        settings=settings.gateway,
    )
    site = Site(
        enrolment=StoreEnrolment(store, metrics),
        ca_pem=certificates.ca_pem,
        metrics=metrics,
        store=store,
        address=gateway.address,
        feed=None if parts is None else _feed(parts, store, metrics, auditor, gateway.address),
        api=None if parts is None else _api(parts, store, approvals, auditor, gateway, links, certificates),
    )
    dial_back = GatewayDialBack(gateway.address, gateway.rendezvous, links)
    canaries = Canaries(links, dial_back, settings.canary)
    edge = Edge(_routes(gateway, links), web_protocols(site), tasks)
    tls = server_context(certificates.certificate, certificates.key)
    policing = Policing(gateway.live, store.rights, auditor, settings.broker)
    sweep = Sweep(store, settings.broker, approvals=approvals, audit=store.audit)
    return Node(edge, tls, tasks, links, canaries, records, auditor, policing, sweep, metrics)


def _feed(parts: WebParts, store: Store, metrics: Metrics, recorder: Recorder, address: str) -> FeedParts:
    return FeedParts(
        authenticator=parts.authenticator,
        directory=store.directory,
        store=store,
        icons=parts.icons,
        files=ConnectionFiles(parts.publisher, address),
        metrics=metrics,
        recorder=recorder,
        address=address,
    )


def _api(
    parts: WebParts,
    store: SqlStore,
    approvals: Approvals,
    recorder: Recorder,
    gateway: Gateway,
    links: Links,
    certificates: Certificates,
) -> Api:
    return Api(
        directory=store.directory,
        store=store,
        accounts=store.accounts,
        approvals=approvals,
        audit=store.audit,
        recorder=recorder,
        authenticator=parts.authenticator,
        icons=parts.icons,
        provider=store.provider,
        files=ConnectionFiles(parts.publisher, gateway.address),
        connections=gateway.live,
        orders=links,
        address=gateway.address,
        ca_pem=certificates.ca_pem,
        now=lambda: datetime.now(UTC),
    )


def _routes(gateway: Gateway, links: Links) -> Callable[[RequestHead], Handler | None]:
    served = Tunnels(gateway)
    reverse = ReverseLegs(gateway.rendezvous, gateway.metrics)
    raw = WebSockets(gateway)
    by_method: dict[str, Handler] = {
        tunnels.OUT_METHOD: served.serve_out,
        tunnels.IN_METHOD: served.serve_in,
    }

    def route(head: RequestHead) -> Handler | None:
        path = head.path.casefold()
        if head.method in by_method and path.rstrip("/") == tunnels.PATH:
            return by_method[head.method]
        if path == LINK_PATH:
            return links.serve
        if path == REVERSE_PATH:
            return reverse.serve
        if path.startswith(websockets.PREFIX) and head.wants_websocket:
            return raw.serve
        return None

    return route


def web_protocols(site: Site) -> Callable[[], asyncio.Protocol]:
    """Return what makes uvicorn's protocol for one connection that is the web application's."""
    config = uvicorn.Config(
        make_app(site),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    config.load()
    state = ServerState()

    def protocol() -> asyncio.Protocol:
        return config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]

    return protocol

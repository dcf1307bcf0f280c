"""The wiring: the one place where roles meet back ends and each other."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import uvicorn
from uvicorn.server import ServerState

from dialback.app.certificates import Certificates
from dialback.app.settings import Settings, public_address
from dialback.app.web import Behind, WebParts, build_site
from dialback.broker.approver import StepUpApprover
from dialback.broker.audited import AuditedBroker
from dialback.broker.auditor import Auditor
from dialback.broker.canary import Canaries
from dialback.broker.countersign import Countersigner
from dialback.broker.decisions import HeardApprovals
from dialback.broker.flights import Flights
from dialback.broker.links import Links
from dialback.broker.metering import Metering
from dialback.broker.orchestrate import StoreBroker
from dialback.broker.policing import Policing
from dialback.broker.recorded import RecordedBroker
from dialback.broker.records import Records
from dialback.broker.sweep import Sweep
from dialback.broker.visit_policing import VisitPolicing
from dialback.broker.visits import Visits
from dialback.broker.wake import HookWaker
from dialback.domain.provider import check_console
from dialback.edge.accept import Edge, Handler
from dialback.gateway import tunnels, websockets
from dialback.gateway.canary import GatewayDialBack
from dialback.gateway.connection import Gateway
from dialback.gateway.live import Live
from dialback.gateway.raw_streams import RawStreams
from dialback.gateway.rendezvous import Rendezvous
from dialback.gateway.reverse import ReverseLegs
from dialback.gateway.tunnels import Tunnels
from dialback.gateway.websockets import WebSockets
from dialback.identity.host_keys import HostKey
from dialback.observe.metrics import Metrics
from dialback.observe.tasks import Tasks
from dialback.relay.join import Relay
from dialback.relay.pacing import Pacer
from dialback.store.sql import SqlStore
from dialback.transport.tls import server_context
from dialback.web.api.provider_settings import ProviderSettings
from dialback.web.site import Site, make_app
from dialback.wire.agent.link import LINK_PATH, REVERSE_PATH
from dialback.wire.head import RequestHead
from dialback.wire.stream import STREAM_PATH, STREAM_UPGRADE


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
    visit_policing: VisitPolicing
    metering: Metering
    flights: Flights
    sweep: Sweep
    metrics: Metrics


def build_node(
    settings: Settings,
    certificates: Certificates,
    store: SqlStore,
    parts: WebParts | None = None,
    platform_key: HostKey | None = None,
) -> Node:
    """Build web, gateway and broker over one store.

    Args:
        platform_key: signs flight records; without one, a key of this run alone does.
    """
    metrics, tasks = Metrics(), Tasks()
    links = Links(store, certificates.leaf_sha256, metrics, settings.broker)
    records, auditor = Records(store), Auditor(store.audit)
    platform_key = platform_key or HostKey.generate()
    flights = _flights(store, links, tasks, platform_key)
    approvals, live = HeardApprovals(store.approvals), Live()
    pacer = Pacer(settings.gateway.most_bytes_s or None, on_held=metrics.held)
    waker = HookWaker(links.ready, tasks, settings.broker)
    visits = Visits(store, store.provider, links, live, _consoles(settings.provider), waker, settings.broker)
    links.visits = visits
    metering = Metering(store.provider)
    broker = StoreBroker(
        store,
        links,
        records,
        approver=StepUpApprover(approvals, store.accounts, auditor, settings.broker),
        waker=waker,
        visits=visits,
        metering=metering,
    )
    gateway = Gateway(
        address=public_address(settings),
        broker=RecordedBroker(
            AuditedBroker(broker, auditor), flights, settings.broker.record_flights == "all"
        ),
        rendezvous=Rendezvous(certificates.leaf_sha256),
        relay=Relay(settings.gateway.keepalive_s),
        metrics=metrics,
        tasks=tasks,
        settings=settings.gateway,
        live=live,
        pacer=pacer,
    )
    behind = Behind(
        store=store,
        certificates=certificates,
        metrics=metrics,
        address=gateway.address,
        approvals=approvals,
        recorder=auditor,
        connections=live,
        consent_events=visits,
        orders=links,
        flights=flights,
        platform_key=platform_key.public_bytes,
    )
    dial_back = GatewayDialBack(gateway.address, gateway.rendezvous, links)
    canaries = Canaries(links, dial_back, settings.canary)
    edge = Edge(_routes(gateway, links), web_protocols(build_site(behind, parts)), tasks)
    tls = server_context(certificates.certificate, certificates.key)
    policing = Policing(live, store.rights, auditor, settings.broker)
    visit_policing = VisitPolicing(live, store.provider, visits, metering, auditor, pacer)
    sweep = Sweep(
        store,
        settings.broker,
        approvals=approvals,
        audit=store.audit,
        accounts=store.accounts,
        provider=store.provider,
    )
    return Node(
        edge,
        tls,
        tasks,
        links,
        canaries,
        records,
        auditor,
        policing,
        visit_policing,
        metering,
        flights,
        sweep,
        metrics,
    )


def _consoles(settings: ProviderSettings) -> Callable[[str], None]:
    """Return what refuses the addresses at which no console may be used."""
    return partial(check_console, networks=settings.networks, outside=settings.outside)


def _flights(store: SqlStore, links: Links, tasks: Tasks, key: HostKey) -> Flights:
    """Return the flight recorder: what hosts list and sign reaches it over their links."""
    flights = Flights(store.provider)
    countersigner = Countersigner(store.provider, links, key, tasks)
    flights.saved = countersigner.saved
    links.listed, links.linked = flights.listed, countersigner.linked
    return flights


def _routes(gateway: Gateway, links: Links) -> Callable[[RequestHead], Handler | None]:
    served = Tunnels(gateway)
    reverse = ReverseLegs(gateway.rendezvous, gateway.metrics)
    raw, streams = WebSockets(gateway), RawStreams(gateway)
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
        if path.startswith(STREAM_PATH) and head.wants_upgrade(STREAM_UPGRADE):
            return streams.serve
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

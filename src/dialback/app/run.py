"""The life of a node: open, listen, serve until told to stop, then end everything in order."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from dialback.app.build import Node, build_node
from dialback.app.certificates import server_certificates
from dialback.app.files import platform_key, signing_key
from dialback.app.lock import only_server
from dialback.app.publisher import PublisherWatch
from dialback.app.sealing import sealing_key
from dialback.app.settings import Settings, listen_address, public_address, store_url
from dialback.app.web import WebParts
from dialback.identity.authenticator import Authenticator
from dialback.identity.invitations import first_administrator
from dialback.observe.log import get_logger
from dialback.store.open import open_store
from dialback.transport.listen import listen_tls

SETTLE_S = 5
_log = get_logger(__name__)


async def serve(
    folder: Path,
    settings: Settings,
    ready: Callable[[], None] = lambda: None,
    stop: asyncio.Event | None = None,
    welcome: Callable[[str], None] = lambda link: None,
) -> None:
    """Serve until told to stop, then tell clients and agents, keep the records, and return.

    Args:
        ready: called once when the port is open.
        stop: set to stop; if None, SIGTERM and SIGINT do.
        welcome: called with a one-time link for the first administrator, if there is none yet.

    Raises:
        AlreadyServing, CertificateProblem, CertificateUnreadable, StoreUnavailable, PortTaken: each says in
            one sentence what is wrong and what to do.
    """
    certificates = server_certificates(folder, settings)
    with only_server(folder):
        # Made now, by the user the server runs as, and not later by some command of root's.
        publisher = signing_key(folder, settings)
        key = sealing_key(folder)
        platform = platform_key(folder)
        async with contextlib.AsyncExitStack() as closing:
            store = await open_store(store_url(folder, settings))
            closing.push_async_callback(store.close)
            http = await closing.enter_async_context(httpx.AsyncClient())
            authenticator = Authenticator(store.accounts, store.directory, settings.sign_in)
            parts = WebParts(authenticator, publisher, key, http, settings.oidc, settings.provider)
            node = build_node(settings, certificates, store, parts, platform)
            await node.sweep.begin()
            link = await first_administrator(store.directory, authenticator, public_address(settings))

            def opened() -> None:
                if link is not None:
                    _log.info("no administrator yet, a one-time link is on the standard output")
                    welcome(link)
                ready()

            watch = PublisherWatch(publisher, lambda: signing_key(folder, settings), node.metrics)
            await _serve(node, settings, watch, opened, stop)


async def _serve(
    node: Node,
    settings: Settings,
    watch: PublisherWatch,
    ready: Callable[[], None],
    stop: asyncio.Event | None,
) -> None:
    listener = await listen_tls(*listen_address(settings), node.tls, node.edge.protocol)
    try:
        _log.info("listening", listen=settings.server.listen, address=public_address(settings))
        node.tasks.start("records", node.records.run())
        node.tasks.start("audit", node.auditor.run())
        node.tasks.start("flights", node.flights.run())
        node.tasks.start("policing", node.policing.run())
        node.tasks.start("visit policing", node.visit_policing.run())
        node.tasks.start("agent links", node.links.run())
        node.tasks.start("sweep", node.sweep.run())
        node.tasks.start("canaries", node.canaries.run())
        node.tasks.start("publisher", watch.run())
        ready()
        with _set_by_signals(stop) as stopping:
            await stopping.wait()
    finally:
        listener.close()
        await _end(node)


@contextlib.contextmanager
def _set_by_signals(stop: asyncio.Event | None) -> Iterator[asyncio.Event]:
    """Yield the event to wait for: the caller's, or one that the signals set."""
    stopping = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = () if stop else (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _end(node: Node) -> None:
    _log.info("stopping", connections=int(node.metrics.value("dialback_open_connections")))
    await node.tasks.close()
    await node.links.settled()
    await node.metering.flush()
    async with contextlib.AsyncExitStack() as last:
        writer = asyncio.get_running_loop().create_task(node.records.run(), name="last records")
        last.callback(writer.cancel)
        writer = asyncio.get_running_loop().create_task(node.auditor.run(), name="last audit entries")
        last.callback(writer.cancel)
        writer = asyncio.get_running_loop().create_task(node.flights.run(), name="last flight records")
        last.callback(writer.cancel)
        if not await node.flights.settled(SETTLE_S):
            _log.error("flight records lost at stop, the store did not answer", count=len(node.flights))
        if not await node.auditor.settled(SETTLE_S):
            _log.error("audit entries lost at stop, the store did not answer", count=len(node.auditor))
        if not await node.records.settled(SETTLE_S):
            _log.error("records lost at stop, the store did not answer", count=len(node.records))

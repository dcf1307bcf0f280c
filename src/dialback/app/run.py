"""The life of a node: open, listen, serve until told to stop, then end everything in order."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

from dialback.app.build import Node, build_node
from dialback.app.certificates import server_certificates
from dialback.app.settings import Settings, public_address, split_address, store_url
from dialback.observe.log import get_logger
from dialback.store.open import open_store
from dialback.transport.listen import listen_tls

SETTLE_S = 5
_log = get_logger(__name__)


async def serve(folder: Path, settings: Settings, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then tell clients and agents, keep the records, and return.

    Args:
        ready: called once when the port is open.

    Raises:
        CertificateProblem, CertificateUnreadable, StoreUnavailable, PortTaken: each says in one sentence what
            is wrong and what to do.
    """
    certificates = server_certificates(folder, settings)
    store = await open_store(store_url(folder, settings))
    try:
        node = build_node(settings, certificates, store)
        await node.sweep.begin()
        name, port = split_address(settings.server.listen, "server.listen")
        listener = await listen_tls(name or "0.0.0.0", port, node.tls, node.edge.protocol)
        _log.info("listening", listen=settings.server.listen, address=public_address(settings))
        ready()
        try:
            await _until_stopped(node)
        finally:
            listener.close()
            await _end(node)
    finally:
        await store.close()


async def _until_stopped(node: Node) -> None:
    node.tasks.start("records", node.records.run())
    node.tasks.start("sweep", node.sweep.run())
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopping.set)
    await stopping.wait()


async def _end(node: Node) -> None:
    _log.info("stopping", connections=int(node.metrics.value("dialback_open_connections")))
    await node.tasks.close()
    async with contextlib.AsyncExitStack() as last:
        writer = asyncio.get_running_loop().create_task(node.records.run(), name="last records")
        last.callback(writer.cancel)
        if not await node.records.settled(SETTLE_S):
            _log.error("records lost at stop, the store did not answer", count=len(node.records))

"""The feed, put together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import APIRouter

from dialback.domain.audit import Recorder
from dialback.domain.contracts import Store
from dialback.domain.directory import Directory
from dialback.domain.icons import Icons
from dialback.identity.authenticator import Authenticator
from dialback.identity.ntlm import NtlmAcceptor
from dialback.observe.metrics import Metrics
from dialback.web.feed import subscribe
from dialback.web.feed.addresses import host_of
from dialback.web.feed.files import Files, MakesFiles
from dialback.web.feed.icons import IconRoutes
from dialback.web.feed.lists import Lists
from dialback.web.feed.login import Login
from dialback.web.feed.pictures import Pictures
from dialback.web.feed.reconnect import Reconnects
from dialback.web.feed.subscribers import Subscribers
from dialback.web.feed.tickets import Tickets
from dialback.web.notes import Notes


@dataclass(frozen=True, slots=True)
class FeedParts:
    """What the feed needs of others. `address` is the server's `NAME:PORT`, as clients reach it."""

    authenticator: Authenticator
    directory: Directory
    store: Store
    icons: Icons
    files: MakesFiles
    metrics: Metrics
    recorder: Recorder
    address: str
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


def make_feed(parts: FeedParts) -> APIRouter:
    """Return every route of the feed; `discovery.Discovery` is to stand before them."""
    subscribers = Subscribers(parts.authenticator)
    tickets, host = Tickets(parts.store, parts.now, parts.recorder), host_of(parts.address)
    files = Files(parts.directory, tickets, parts.files, host)
    acceptor = NtlmAcceptor(host, parts.now)
    notes = Notes(parts.recorder, parts.now)
    router = APIRouter()
    for each in (
        Login(parts.authenticator, parts.directory, acceptor, parts.metrics, notes).make_router(),
        Lists(parts.directory, parts.address, parts.now).make_router(subscribers),
        files.make_router(subscribers),
        IconRoutes(Pictures(parts.icons)).make_router(subscribers),
        Reconnects(parts.directory, files).make_router(subscribers),
        subscribe.make_router(parts.directory, parts.address),
    ):
        router.include_router(each)
    return router

"""Tenants, hosts and orders as the window's tests use them, and an engine that writes down its orders."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from dialback.console.window.engine import Engine
from dialback.console.window.events import Visit
from dialback.console.window.platform import Host, Order, Place, Tenant
from dialback.console.window.tree import Branch, Tree
from dialback.domain.hosts import HostReport, RdpServer
from dialback.domain.ids import HostId, TenantId
from dialback.domain.management import Offer
from dialback.wire.management.messages import Facts, Session, Sessions

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
HOSTILE = "<b>x</b>\x1b[2J\u202e&\n<img src=x>"
ESCAPED = "<b>x</b>\\x1b[2J\\u202e&\\n<img src=x>"
ACME = TenantId("acme")
PLACE = Place(ACME, HostId("h1"), "acme/files")
ORDER = Order(PLACE, "printer is stuck", "4711")
OFFERS = tuple(Offer)
FACTS = Facts(host_name="files", system="Debian", agent_version="0.1.0", now=NOW, offers=OFFERS)
SESSIONS = Sessions(
    sessions=(
        Session(id="s1", user="ann", state="active", since=NOW),
        Session(id="s2", user="bob", state="disconnected", since=NOW),
    )
)


def host(id: str, name: str = "", **more: Any) -> Host:
    """Return a host whose link is up."""
    return Host(HostId(id), name or id, more.pop("link_up", True), **more)


def tenant(id: str, name: str = "", **more: Any) -> Tenant:
    return Tenant(TenantId(id), name or id, **more)


def report(system: str = "Debian") -> HostReport:
    return HostReport(
        "files", system, "0.1.0", (RdpServer("127.0.0.1:3389", True, "tls", "TLSv1.3", "ab" * 32),)
    )


def tree(*hosts: Host) -> Tree:
    """Return a tree of Acme with these hosts, or some, and of Bolt with one."""
    found = hosts or (host("h1", "files", report=report()), host("h2", "mail", link_up=False))
    acme = Branch(tenant("acme", "Acme GmbH", hosts_up=1, hosts_down=1), found)
    return Tree((acme, Branch(tenant("bolt", "Bolt", hosts_up=1), (host("h9", "terminal"),))))


def visit(number: int = 1, **more: Any) -> Visit:
    return Visit(number, ORDER, NOW, **more)


class Recorder:
    """Stands for engine and thread; `orders` has what was ordered."""

    def __init__(self) -> None:
        self.orders: list[tuple[Any, ...]] = []
        self.stopped = False

    def order(self, order: Callable[[Engine], None]) -> None:
        order(self)  # type: ignore[arg-type]

    def stop(self) -> None:
        self.stopped = True

    def __getattr__(self, name: str) -> Callable[..., None]:
        def note(*values: Any, **more: Any) -> None:
            self.orders.append((name, *values, *more.values()))

        return note

    def ordered(self, name: str) -> list[tuple[Any, ...]]:
        """Return the values of all orders of the name."""
        return [each[1:] for each in self.orders if each[0] == name]

"""The tenants' tree: tenants, their hosts, the state of each, and what a search finds in it.

A tree is a value: it is read anew every few seconds, and whoever shows it compares. A state is one word with
one mark, the same in the tree and beside the details.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dialback.console.window.platform import Host, Place, Tenant
from dialback.domain.errors import Problem
from dialback.domain.ids import TenantId


class State(StrEnum):
    """How a host, or a tenant, is to be marked."""

    UP = "up"
    FAILING = "failing"
    """The link is up, and a check of the host fails."""
    DOWN = "down"
    SUSPENDED = "suspended"
    """The tenant is: nobody of the provider is let in."""
    EMPTY = "no hosts"


class NoSuchHost(Problem):
    """What was typed names no host, or several; the message says which it could be."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A tenant and what is known of its hosts; `hosts` is None before they have been read."""

    tenant: Tenant
    hosts: tuple[Host, ...] | None = None

    @property
    def state(self) -> State:
        """Return the tenant's mark: up if any host is."""
        if self.tenant.suspended:
            return State.SUSPENDED
        if not self.tenant.hosts_up + self.tenant.hosts_down:
            return State.EMPTY
        return State.UP if self.tenant.hosts_up else State.DOWN

    def state_of(self, host: Host) -> State:
        """Return a host's mark."""
        if self.tenant.suspended:
            return State.SUSPENDED
        if not host.link_up:
            return State.DOWN
        return State.FAILING if host.failed else State.UP

    def place_of(self, host: Host) -> Place:
        """Return where the host is."""
        return Place(self.tenant.id, host.id, f"{self.tenant.id}/{host.name}")


@dataclass(frozen=True, slots=True)
class Tree:
    """All tenants with their hosts, in the platform's order."""

    branches: tuple[Branch, ...] = ()

    def places(self) -> Iterator[tuple[Branch, Host]]:
        """Return every host with its tenant."""
        for branch in self.branches:
            for host in branch.hosts or ():
                yield branch, host

    def host(self, place: Place) -> tuple[Branch, Host] | None:
        """Return the host at the place as it is now; None if it is gone."""
        for branch, host in self.places():
            if (branch.tenant.id, host.id) == (place.tenant, place.host):
                return branch, host
        return None

    def find(self, text: str) -> Place:
        """Return the host that a person means by `TENANT/HOST`, by its name alone, or by an id.

        Raises:
            NoSuchHost: there is none, or several.
        """
        wanted = text.strip()
        if not wanted:
            raise NoSuchHost("Type a host as TENANT/HOST, or its name alone.")
        found = [(branch, host) for branch, host in self.places() if _is_meant(branch, host, wanted)]
        if not found:
            raise NoSuchHost(f"You serve no host {wanted!r}.")
        if len(found) > 1:
            names = ", ".join(branch.place_of(host).name for branch, host in found[:5])
            raise NoSuchHost(f"Several hosts are called {wanted!r}: {names}.")
        branch, host = found[0]
        return branch.place_of(host)


def grow(tenants: Sequence[Tenant], known: Tree, hosts: Mapping[TenantId, Sequence[Host]]) -> Tree:
    """Return the tree of these tenants, with hosts that were read just now, or else as they are known."""
    before = {branch.tenant.id: branch.hosts for branch in known.branches}
    read = {tenant: tuple(each) for tenant, each in hosts.items()}
    return Tree(
        tuple(Branch(tenant, read.get(tenant.id, before.get(tenant.id))) for tenant in tenants),
    )


def stale(tenants: Sequence[Tenant], known: Tree) -> set[TenantId]:
    """Return the tenants whose hosts are to be read: new ones, and those whose count has changed."""
    before = {branch.tenant.id: branch for branch in known.branches}
    return {tenant.id for tenant in tenants if _has_changed(tenant, before.get(tenant.id))}


def _has_changed(tenant: Tenant, known: Branch | None) -> bool:
    if known is None or known.hosts is None:
        return True
    return (tenant.hosts_up, tenant.hosts_down) != (known.tenant.hosts_up, known.tenant.hosts_down)


def search(tree: Tree, text: str) -> Tree:
    """Return what of the tree has all words of the text: hosts with their tenants, tenants with all hosts."""
    words = text.casefold().split()
    if not words:
        return tree
    found = []
    for branch in tree.branches:
        if _has(words, branch.tenant.name, branch.tenant.id):
            found.append(branch)
            continue
        hosts = tuple(host for host in branch.hosts or () if _has(words, *_texts(branch, host)))
        if hosts:
            found.append(replace(branch, hosts=hosts))
    return Tree(tuple(found))


def _texts(branch: Branch, host: Host) -> tuple[str, ...]:
    report = (host.report.host_name, host.report.system) if host.report else ()
    return (branch.tenant.name, branch.tenant.id, host.name, host.id, branch.state_of(host), *report)


def _has(words: Sequence[str], *texts: str) -> bool:
    whole = " ".join(texts).casefold()
    return all(word in whole for word in words)


def _is_meant(branch: Branch, host: Host, wanted: str) -> bool:
    tenant, slash, name = wanted.partition("/")
    if slash:
        if tenant.casefold() not in {branch.tenant.id.casefold(), branch.tenant.name.casefold()}:
            return False
        wanted = name
    return wanted == host.id or wanted.casefold() == host.name.casefold()

"""The tenants that somebody of the provider's staff serves, with their hosts, as a page shows them. Pure.

What is left out: who may see which tenant (`domain/provider.py`), and how links are followed: the console
reads them (`console/window/links.py`), looks the host up anew, and asks before it does anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from dialback.domain.consent import ConsentState
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.hosts import Host
from dialback.domain.ids import HostId, TenantId
from dialback.domain.names import key_of
from dialback.domain.provider import Staff, StaffRole, TenantUse, Terms, check_reach
from dialback.domain.tenancy import Tenant
from dialback.web.consents import Known

MAX_QUERY_CHARS: Final = 100
LATELY: Final = timedelta(days=1)
"""How long an answer is shown that lets nobody in, or no more."""
_OPEN = (ConsentState.WAITING, ConsentState.GRANTED)


@dataclass(frozen=True, slots=True)
class AskedShown:
    """What the staff member last asked of a host, and what became of it."""

    state: ConsentState
    purpose: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class HostShown:
    """A host as it is now; `link` starts the console there, and is empty for who may not reach it."""

    id: HostId
    name: str
    link_up: bool
    link_changed_at: datetime | None
    system: str
    agent_version: str
    link: str = ""
    asked: AskedShown | None = None


@dataclass(frozen=True, slots=True)
class TenantShown:
    """A tenant and its hosts by name; `refusal` says in words why the staff member reaches none of them."""

    id: TenantId
    name: str
    hosts: tuple[HostShown, ...]
    refusal: str = ""

    @property
    def links_up(self) -> int:
        """Return how many of the hosts have an agent link."""
        return sum(host.link_up for host in self.hosts)


def console_link(tenant: TenantId, host: HostId) -> str:
    """Return the link that opens the console at the host.

    It names the host by its id: two hosts may have one name, and a name may be longer than a link.
    """
    return f"dialback://connect/{quote(tenant, safe='')}/{quote(host, safe='')}"


def tenant_shown(
    tenant: Tenant, terms: Terms, hosts: Iterable[Host], staff: Staff, now: datetime
) -> TenantShown:
    """Return the tenant as the staff member sees it. What its limits leave is not looked at here."""
    refusal = _refusal(staff, terms, now)
    theirs = [host for host in hosts if host.tenant == tenant.id and host.revoked_at is None]
    theirs.sort(key=lambda host: (key_of(host.name), host.id))
    return TenantShown(
        tenant.id, tenant.name, tuple(_host_shown(host, not refusal) for host in theirs), refusal
    )


def search(tenants: Sequence[TenantShown], query: str) -> list[TenantShown]:
    """Return what has all words of the query: tenants with all their hosts, or with those that have them."""
    words = key_of(query[:MAX_QUERY_CHARS]).split()
    found = []
    for tenant in tenants:
        if _has(words, tenant.id, tenant.name):
            found.append(tenant)
        elif hosts := tuple(h for h in tenant.hosts if _has(words, tenant.id, tenant.name, h.name, h.id)):
            found.append(replace(tenant, hosts=hosts))
    return found


def with_asked(tenant: TenantShown, known: Iterable[Known], now: datetime) -> TenantShown:
    """Return the tenant with what was asked of each host last.

    Args:
        known: what the staff member asked of the tenant, newest first.
    """
    newest: dict[HostId, AskedShown] = {}
    for each in known:
        if each.state in _OPEN or now < each.request.asked_at + LATELY:
            shown = AskedShown(each.state, each.request.purpose, each.request.asked_at)
            newest.setdefault(each.request.host, shown)
    return replace(tenant, hosts=_with(tenant.hosts, newest))


def _with(hosts: Iterable[HostShown], asked: Mapping[HostId, AskedShown]) -> tuple[HostShown, ...]:
    return tuple(replace(host, asked=asked.get(host.id)) for host in hosts)


def _host_shown(host: Host, reachable: bool) -> HostShown:
    return HostShown(
        host.id,
        host.name,
        host.link_up,
        host.link_changed_at,
        host.report.system if host.report else "",
        host.report.agent_version if host.report else "",
        console_link(host.tenant, host.id) if reachable else "",
    )


def _refusal(staff: Staff, terms: Terms, now: datetime) -> str:
    if staff.role is StaffRole.AUDITOR:
        return "An auditor reaches no host."
    try:
        check_reach(staff, terms, TenantUse(), now)
    except Refused as refused:
        if refused.reason is Reason.STAFF_NOT_ASSIGNED:
            return "You are not assigned to this tenant, so you reach none of its hosts."
        return f"{SENTENCES[refused.reason]} ({refused.detail})"
    return ""


def _has(words: Iterable[str], *texts: str) -> bool:
    text = key_of(" ".join(texts))
    return all(word in text for word in words)

"""Counters and gauges in Prometheus form; refusals and ends are counted by reason.

The registry is made by `app` and passed down; nothing registers itself at import.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from dialback.domain.errors import Reason
from dialback.domain.sessions import Totals


class Metrics:
    """What a node counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._refused = Counter(
            "dialback_refused",
            "Connections, host legs and enrolments refused",
            ["reason"],
            registry=self.registry,
        )
        self._ended = Counter(
            "dialback_ended", "Relayed connections ended", ["reason"], registry=self.registry
        )
        self._bytes = Counter(
            "dialback_relayed_bytes", "RDP bytes relayed", ["towards"], registry=self.registry
        )
        self._held = Counter(
            "dialback_held_seconds",
            "Seconds for which a bandwidth limit held relays, each direction for itself",
            ["tenant"],
            registry=self.registry,
        )
        self.open_connections = Gauge(
            "dialback_open_connections", "Connections being relayed now", registry=self.registry
        )
        self.hosts_failing = Gauge(
            "dialback_hosts_failing",
            "Hosts with an agent link on which a check fails now",
            ["check"],
            registry=self.registry,
        )
        self.publisher_days_left = Gauge(
            "dialback_publisher_days_left",
            "Days until the certificate that signs connection files expires, negative once it has",
            registry=self.registry,
        )
        self.agent_links = Gauge("dialback_agent_links", "Agent links up now", registry=self.registry)

    def refused(self, reason: Reason) -> None:
        """Count a refusal."""
        self._refused.labels(reason.value).inc()

    def ended(self, reason: Reason, totals: Totals) -> None:
        """Count the end of a relayed connection, and its bytes."""
        self._ended.labels(reason.value).inc()
        self._bytes.labels("client").inc(totals.to_client_bytes)
        self._bytes.labels("host").inc(totals.to_host_bytes)

    def held(self, tenant: str, seconds: float) -> None:
        """Count for how long a relay of the tenant was held by a bandwidth limit."""
        self._held.labels(tenant).inc(seconds)

    def value(self, name: str, **labels: str) -> float:
        """Return one sample, 0 if it was never counted; for `doctor` and tests."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def render(self) -> bytes:
        """Return everything in the text exposition format."""
        return generate_latest(self.registry)

from dialback.domain.errors import Reason
from dialback.domain.sessions import Totals
from dialback.observe.metrics import Metrics


def test_refusals_and_ends_are_counted_by_reason() -> None:
    metrics = Metrics()
    metrics.refused(Reason.TOKEN_EXPIRED)
    metrics.refused(Reason.TOKEN_EXPIRED)
    metrics.ended(Reason.HOST_ENDED, Totals(to_client_bytes=10, to_host_bytes=3))
    assert metrics.value("dialback_refused_total", reason="token-expired") == 2
    assert metrics.value("dialback_refused_total", reason="token-unknown") == 0
    assert metrics.value("dialback_ended_total", reason="host-ended") == 1
    assert metrics.value("dialback_relayed_bytes_total", towards="client") == 10
    assert metrics.value("dialback_relayed_bytes_total", towards="host") == 3


def test_each_node_has_its_own_registry_and_shows_it_as_text() -> None:
    first, second = Metrics(), Metrics()
    first.open_connections.inc()
    assert second.value("dialback_open_connections") == 0
    assert b"dialback_open_connections 1.0" in first.render()

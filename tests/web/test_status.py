import pytest

from dialback.domain.errors import Reason
from tests.web.stage import CA_PEM, Web


async def test_authority_is_given_to_whoever_asks(web: Web) -> None:
    assert (await web.ask("GET", "/ca.pem")).text == CA_PEM


async def test_health_is_good_or_says_that_the_store_is_away(web: Web) -> None:
    good = await web.ask("GET", "/health")
    web.store.away = True
    bad = await web.ask("GET", "/health")

    assert (good.status_code, good.json()) == (200, {"status": "ok"})
    assert good.headers["date"].endswith(" GMT")
    assert (bad.status_code, bad.json()) == (503, {"status": "store-unavailable"})


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1"])
async def test_metrics_are_for_loopback(web: Web, peer: str) -> None:
    web.metrics.refused(Reason.TOKEN_UNKNOWN)

    answer = await web.ask("GET", "/metrics", peer=peer)

    assert answer.status_code == 200
    assert 'dialback_refused_total{reason="token-unknown"} 1.0' in answer.text


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "fe80::1", "", "nonsense"])
async def test_metrics_are_not_there_for_others(web: Web, peer: str) -> None:
    forged = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}

    answer = await web.ask("GET", "/metrics", peer=peer, headers=forged)

    assert (answer.status_code, answer.text) == (404, "")

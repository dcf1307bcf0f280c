import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from structlog.testing import capture_logs

from dialback.domain.contracts import Enrolment, StoreUnavailable
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.hosts import Host, HostReport
from dialback.domain.ids import HostId
from dialback.domain.secret import Secret
from dialback.observe.metrics import Metrics
from dialback.web import site as site_module
from dialback.web.site import BODY_BYTES, Site, make_app
from dialback.wire.agent.link import ENROL_PATH
from dialback.wire.agent.messages import EnrolRequest, encode, encode_base64url

CA_PEM = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"
REQUEST = encode(
    EnrolRequest(
        join_secret="s3cret",
        public_key=encode_base64url(b"k" * 32),
        host_name="WIN-7",
        system="Windows",
        agent_version="0.1.0",
    )
)


class Enrols(Enrolment):
    """An enrolment that does as it is told."""

    def __init__(self) -> None:
        self.refusal: Refused | None = None
        self.asked: list[tuple[str, bytes, HostReport]] = []

    async def enrol(self, join_secret: Secret, public_key: bytes, report: HostReport) -> Host:
        self.asked.append((join_secret.reveal(), public_key, report))
        if self.refusal is not None:
            raise self.refusal
        return Host(HostId("h1"), "desk", public_key, datetime(2026, 3, 1, tzinfo=UTC))


class Web:
    """The application, and what is behind it."""

    def __init__(self) -> None:
        self.enrols = Enrols()
        self.metrics = Metrics()
        self.store_away = False
        site = Site(self.enrols, CA_PEM, self.metrics, self._check, "<gw>.example.org:443")
        self.app = make_app(site)

    async def _check(self) -> str:
        if self.store_away:
            raise StoreUnavailable("the disk is full at /secret/path")
        return "0001"

    async def ask(self, method: str, path: str, *, peer: str = "192.0.2.7", **more) -> httpx.Response:  # type: ignore[no-untyped-def]
        transport = httpx.ASGITransport(self.app, client=(peer, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="https://gw") as client:
            return await client.request(method, path, **more)

    async def enrol(self, body: str | bytes) -> tuple[int, dict[str, str]]:
        answer = await self.ask("POST", ENROL_PATH, content=body)
        return answer.status_code, answer.json()


@pytest.fixture
def web() -> Web:
    return Web()


async def test_landing_page_names_the_server_and_escapes_its_name(web: Web) -> None:
    answer = await web.ask("GET", "/")

    assert answer.status_code == 200
    assert "&lt;gw&gt;.example.org:443" in answer.text
    assert "<gw>" not in answer.text


async def test_authority_is_given_to_whoever_asks(web: Web) -> None:
    assert (await web.ask("GET", "/ca.pem")).text == CA_PEM


async def test_health_is_good_or_says_that_the_store_is_away(web: Web) -> None:
    good = await web.ask("GET", "/health")
    web.store_away = True
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


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/nothing"])
async def test_there_is_nothing_else(web: Web, path: str) -> None:
    assert (await web.ask("GET", path)).status_code == 404


# Enrolment.


async def test_enrolment_gives_the_host_its_id_and_name(web: Web) -> None:
    assert await web.enrol(REQUEST) == (200, {"host_id": "h1", "host_name": "desk"})
    assert web.enrols.asked == [("s3cret", b"k" * 32, HostReport("WIN-7", "Windows", "0.1.0"))]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.JOIN_CODE_UNKNOWN, 403),
        (Reason.JOIN_CODE_USED, 403),
        (Reason.JOIN_CODE_EXPIRED, 403),
        (Reason.STORE_UNAVAILABLE, 503),
    ],
)
async def test_refusal_is_told_with_reason_and_sentence(web: Web, reason: Reason, status: int) -> None:
    web.enrols.refusal = Refused(reason, "/secret/path")

    assert await web.enrol(REQUEST) == (status, {"reason": reason.value, "sentence": SENTENCES[reason]})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 10_000,
        REQUEST.replace("s3cret", "no secret").encode(),
        REQUEST.replace("public_key", "private_key").encode(),
        json.dumps({**json.loads(REQUEST), "host_name": "x\x1b[2J"}).encode(),
        json.dumps({**json.loads(REQUEST), "system": "x" * 401}).encode(),
        REQUEST.encode() + b" " * BODY_BYTES,
    ],
    ids=["nothing", "cut", "list", "binary", "deep", "secret", "key", "escape", "long", "oversized"],
)
async def test_request_that_is_none_is_told_counted_and_logged(web: Web, body: bytes) -> None:
    with capture_logs() as lines:
        status, answer = await web.enrol(body)

    assert status == 400
    assert answer["reason"] == "protocol-violation"
    assert "expected" in answer["sentence"]
    assert web.enrols.asked == []
    assert web.metrics.value("dialback_refused_total", reason="protocol-violation") == 1
    assert [(line["event"], line["peer"]) for line in lines] == [("enrolment refused", "192.0.2.7")]


async def test_request_that_does_not_come_to_its_end_is_let_go(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_module, "BODY_DEADLINE_S", 0.01)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    answer = await web.ask("POST", ENROL_PATH, content=slow())

    assert (answer.status_code, answer.json()["reason"]) == (408, "deadline-passed")


async def test_enrolment_is_asked_by_post_alone(web: Web) -> None:
    assert (await web.ask("GET", ENROL_PATH)).status_code == 405

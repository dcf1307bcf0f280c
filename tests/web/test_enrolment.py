import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from dialback.domain.audit import Actor, ActorKind
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.hosts import HostReport
from dialback.domain.tenancy import MAIN
from dialback.web import enrolment as enrolment_module
from dialback.web.body import BODY_BYTES
from dialback.wire.agent.link import ENROL_PATH
from dialback.wire.agent.messages import EnrolRequest, encode, encode_base64url
from tests.web.stage import Web

REQUEST = encode(
    EnrolRequest(
        join_secret="s3cret",
        public_key=encode_base64url(b"k" * 32),
        host_name="WIN-7",
        system="Windows",
        agent_version="0.1.0",
    )
)


async def sent(web: Web, body: str | bytes) -> tuple[int, dict[str, str]]:
    answer = await web.ask("POST", ENROL_PATH, content=body)
    return answer.status_code, answer.json()


async def test_enrolment_gives_the_host_its_id_and_name(web: Web) -> None:
    assert await sent(web, REQUEST) == (200, {"host_id": "h1", "host_name": "desk"})
    assert web.enrols.asked == [("s3cret", b"k" * 32, HostReport("WIN-7", "Windows", "0.1.0"))]
    (entry,) = web.entries
    assert (entry.tenant, entry.action, entry.subject) == (MAIN, "host.enrol", "host:h1")
    assert entry.actor == Actor(ActorKind.HOST, "desk", "192.0.2.7")


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

    assert await sent(web, REQUEST) == (status, {"reason": reason.value, "sentence": SENTENCES[reason]})
    noted = [(entry.action, entry.detail, entry.allowed) for entry in web.entries]
    decided = reason is not Reason.STORE_UNAVAILABLE
    assert noted == [("host.enrol-refused", SENTENCES[reason], False)] * decided


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
        status, answer = await sent(web, body)

    assert status == 400
    assert answer["reason"] == "protocol-violation"
    assert "expected" in answer["sentence"]
    assert web.enrols.asked == []
    assert web.entries == []
    assert web.metrics.value("dialback_refused_total", reason="protocol-violation") == 1
    assert [(line["event"], line["peer"]) for line in lines] == [("enrolment refused", "192.0.2.7")]


async def test_request_that_does_not_come_to_its_end_is_let_go(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment_module, "BODY_DEADLINE_S", 0.01)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    answer = await web.ask("POST", ENROL_PATH, content=slow())

    assert (answer.status_code, answer.json()["reason"]) == (408, "deadline-passed")


async def test_enrolment_is_asked_by_post_alone(web: Web) -> None:
    assert (await web.ask("GET", ENROL_PATH)).status_code == 405

"""How an agent enrols over HTTP: one bounded request, whose refusal the agent is told in words."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from dialback.domain.audit import Actor, ActorKind, AuditEntry, Recorder
from dialback.domain.contracts import Enrolment
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.hosts import Host, HostReport
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics
from dialback.web.body import BODY_BYTES, read_body
from dialback.web.origin import peer_of
from dialback.wire.agent.link import ENROL_PATH
from dialback.wire.agent.messages import (
    EnrolAnswer,
    EnrolRequest,
    decode_base64url,
    decode_enrol_request,
    encode,
)
from dialback.wire.errors import WireError

BODY_DEADLINE_S = 15
_STATUS = {Reason.STORE_UNAVAILABLE: 503, Reason.PROTOCOL_VIOLATION: 400, Reason.DEADLINE_PASSED: 408}
"""What is answered to those that were not decided upon; whoever was refused gets 403."""
_log = get_logger(__name__)


def make_router(enrolment: Enrolment, metrics: Metrics, recorder: Recorder | None = None) -> APIRouter:
    """Return the route that agents enrol by; the recorder is told of each host, and of each that is none."""
    router = APIRouter()

    def note(request: Request, host: Host | None, detail: str) -> None:
        if recorder is not None:
            recorder.note(_entry(request, host, detail))

    @router.post(ENROL_PATH)
    async def enrol(request: Request) -> Response:
        try:
            host = await _enrol(enrolment, await _request(request, metrics))
        except Refused as refused:
            if refused.reason not in _STATUS:
                note(request, None, SENTENCES[refused.reason])
            sentence = " ".join(part for part in (SENTENCES[refused.reason], _told(refused)) if part)
            return JSONResponse(
                {"reason": refused.reason.value, "sentence": sentence}, _STATUS.get(refused.reason, 403)
            )
        note(request, host, host.name)
        answer = EnrolAnswer(host_id=host.id, host_name=host.name)
        return Response(encode(answer), media_type="application/json")

    return router


def _told(refused: Refused) -> str:
    """Return the detail a refused agent is told: what was wrong with its own request, and nothing of ours."""
    return refused.detail if refused.reason is Reason.PROTOCOL_VIOLATION else ""


async def _request(request: Request, metrics: Metrics) -> EnrolRequest:
    """Return the enrolment a request asks for; log and count one that is none."""
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            return decode_enrol_request(await read_body(request, BODY_BYTES))
    except WireError as error:
        refused = Refused(Reason.PROTOCOL_VIOLATION, str(error))
    except TimeoutError:
        refused = Refused(Reason.DEADLINE_PASSED, f"no whole request within {BODY_DEADLINE_S} s")
    metrics.refused(refused.reason)
    _log.info("enrolment refused", reason=refused.reason.value, detail=refused.detail, peer=peer_of(request))
    raise refused


async def _enrol(enrolment: Enrolment, request: EnrolRequest) -> Host:
    report = HostReport(request.host_name, request.system, request.agent_version)
    return await enrolment.enrol(Secret(request.join_secret), decode_base64url(request.public_key), report)


def _entry(request: Request, host: Host | None, detail: str) -> AuditEntry:
    """Return what the audit log has of it; that of a host that was refused is in the first tenant's."""
    actor = Actor(ActorKind.HOST, host.name if host else "", peer_of(request))
    tenant, subject = (host.tenant, f"host:{host.id}") if host else (MAIN, "")
    action = "host.enrol" if host else "host.enrol-refused"
    return AuditEntry(tenant, datetime.now(UTC), actor, action, subject, detail, allowed=host is not None)

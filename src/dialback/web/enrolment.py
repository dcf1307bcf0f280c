"""How an agent enrols over HTTP: one bounded request, whose refusal the agent is told in words."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from dialback.domain.contracts import Enrolment
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.hosts import HostReport
from dialback.domain.secret import Secret
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
_log = get_logger(__name__)


def make_router(enrolment: Enrolment, metrics: Metrics) -> APIRouter:
    """Return the route that agents enrol by."""
    router = APIRouter()

    @router.post(ENROL_PATH)
    async def enrol(request: Request) -> Response:
        try:
            return await _enrol(enrolment, await _request(request, metrics))
        except Refused as refused:
            sentence = " ".join(part for part in (SENTENCES[refused.reason], _told(refused)) if part)
            return JSONResponse(
                {"reason": refused.reason.value, "sentence": sentence}, _STATUS.get(refused.reason, 403)
            )

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


async def _enrol(enrolment: Enrolment, request: EnrolRequest) -> Response:
    report = HostReport(request.host_name, request.system, request.agent_version)
    host = await enrolment.enrol(Secret(request.join_secret), decode_base64url(request.public_key), report)
    answer = EnrolAnswer(host_id=host.id, host_name=host.name)
    return Response(encode(answer), media_type="application/json")

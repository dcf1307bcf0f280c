"""The web application: enrolment of hosts, the CA certificate, health, metrics and a landing page.

It gets every request that is not a tunnel, a host leg or an agent link. Answers carry no version and no path;
what failed inside is logged, not told.
"""

import asyncio
import html
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from dialback.domain.contracts import Enrolment, StoreUnavailable
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.hosts import HostReport
from dialback.domain.secret import Secret
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics
from dialback.wire.agent.link import ENROL_PATH
from dialback.wire.agent.messages import (
    EnrolAnswer,
    EnrolRequest,
    decode_base64url,
    decode_enrol_request,
    encode,
)
from dialback.wire.errors import WireError

BODY_BYTES = 16 * 1024
BODY_DEADLINE_S = 15
_STATUS = {Reason.STORE_UNAVAILABLE: 503, Reason.PROTOCOL_VIOLATION: 400, Reason.DEADLINE_PASSED: 408}
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """What the web application needs of the other roles.

    `check` returns in words that the store is well, or raises `StoreUnavailable`.
    """

    enrolment: Enrolment
    ca_pem: str
    metrics: Metrics
    check: Callable[[], Awaitable[str]]
    address: str


def make_app(site: Site) -> FastAPI:
    """Return the web application."""
    app = FastAPI(title="Dialback", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/", response_class=HTMLResponse)
    async def landing() -> str:
        return _landing(site.address)

    @app.get("/ca.pem", response_class=PlainTextResponse)
    async def ca_certificate() -> str:
        return site.ca_pem

    @app.get("/health")
    async def health() -> JSONResponse:
        try:
            await site.check()
        except StoreUnavailable:
            return JSONResponse({"status": "store-unavailable"}, 503)
        # `doctor` compares the clocks by this.
        return JSONResponse({"status": "ok"}, headers={"Date": formatdate(usegmt=True)})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        if not _from_loopback(request):
            return Response(status_code=404)
        return Response(site.metrics.render(), media_type="text/plain; version=0.0.4")

    @app.post(ENROL_PATH)
    async def enrol(request: Request) -> Response:
        try:
            return await _enrol(site.enrolment, await _request(request, site.metrics))
        except Refused as refused:
            sentence = " ".join(part for part in (SENTENCES[refused.reason], _told(refused)) if part)
            return JSONResponse(
                {"reason": refused.reason.value, "sentence": sentence}, _STATUS.get(refused.reason, 403)
            )

    return app


def _told(refused: Refused) -> str:
    """Return the detail a refused agent is told: what was wrong with its own request, and nothing of ours."""
    return refused.detail if refused.reason is Reason.PROTOCOL_VIOLATION else ""


async def _request(request: Request, metrics: Metrics) -> EnrolRequest:
    """Return the enrolment a request asks for; log and count one that is none."""
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            return decode_enrol_request(await _body(request))
    except WireError as error:
        refused = Refused(Reason.PROTOCOL_VIOLATION, str(error))
    except TimeoutError:
        refused = Refused(Reason.DEADLINE_PASSED, f"no whole request within {BODY_DEADLINE_S} s")
    metrics.refused(refused.reason)
    peer = request.client.host if request.client else ""
    _log.info("enrolment refused", reason=refused.reason.value, detail=refused.detail, peer=peer)
    raise refused


async def _enrol(enrolment: Enrolment, request: EnrolRequest) -> Response:
    report = HostReport(request.host_name, request.system, request.agent_version)
    host = await enrolment.enrol(Secret(request.join_secret), decode_base64url(request.public_key), report)
    answer = EnrolAnswer(host_id=host.id, host_name=host.name)
    return Response(encode(answer), media_type="application/json")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise WireError(f"expected a request of {BODY_BYTES} bytes at most, got more")
    return bytes(body)


def _from_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _landing(address: str) -> str:
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Dialback</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;
color-scheme:light dark}}</style>
<h1>Dialback</h1>
<p>This is the Dialback server <code>{html.escape(address)}</code>: remote desktops without an open port.</p>
<p>Open the connection file you were given with your RDP client. To add a host, run
<code>dialback agent join CODE</code> on it.</p>
</html>"""

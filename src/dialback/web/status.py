"""What anybody may ask of a server: CA certificate and health; and, on the machine itself, its metrics."""

from collections.abc import Awaitable, Callable
from email.utils import formatdate

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from dialback.domain.contracts import StoreUnavailable
from dialback.observe.metrics import Metrics
from dialback.web.origin import is_from_loopback


def make_router(ca_pem: str, metrics: Metrics, check: Callable[[], Awaitable[str]]) -> APIRouter:
    """Return the routes; `check` says in words that the store is well, or raises `StoreUnavailable`."""
    router = APIRouter()

    @router.get("/ca.pem", response_class=PlainTextResponse)
    async def ca_certificate() -> str:
        return ca_pem

    @router.get("/health")
    async def health() -> JSONResponse:
        try:
            await check()
        except StoreUnavailable:
            return JSONResponse({"status": "store-unavailable"}, 503)
        # `doctor` compares the clocks by this.
        return JSONResponse({"status": "ok"}, headers={"Date": formatdate(usegmt=True)})

    @router.get("/metrics")
    async def show_metrics(request: Request) -> Response:
        if not is_from_loopback(request):
            return Response(status_code=404)
        return Response(metrics.render(), media_type="text/plain; version=0.0.4")

    return router

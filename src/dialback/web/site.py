"""The web application: everything that is not a tunnel, a host leg or an agent link.

Each concern has a module with a `make_router` and is given only what it needs. Answers carry no version and
no path; what failed inside is logged, not told.
"""

import html
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from dialback.domain.contracts import Enrolment, Store
from dialback.observe.metrics import Metrics
from dialback.web import enrolment, status


@dataclass(frozen=True, slots=True)
class Site:
    """What the web application needs of the other roles. `address` is `NAME:PORT`, as clients reach it."""

    enrolment: Enrolment
    ca_pem: str
    metrics: Metrics
    store: Store
    address: str


def make_app(site: Site) -> FastAPI:
    """Return the web application."""
    app = FastAPI(title="Dialback", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(status.make_router(site.ca_pem, site.metrics, site.store.check))
    app.include_router(enrolment.make_router(site.enrolment, site.metrics))

    @app.get("/", response_class=HTMLResponse)
    async def landing() -> str:
        return _landing(site.address)

    return app


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

"""The web application: everything that is not a tunnel, a host leg or an agent link.

Each concern has a module with a `make_router` and is given only what it needs. Answers carry no version and
no path; what failed inside is logged, not told.
"""

from dataclasses import dataclass

from fastapi import FastAPI

from dialback.domain.audit import Recorder
from dialback.domain.contracts import Enrolment, Store
from dialback.observe.metrics import Metrics
from dialback.web import enrolment, status
from dialback.web.api.application import mount_api
from dialback.web.api.parts import Api
from dialback.web.feed.discovery import Discovery
from dialback.web.feed.routes import FeedParts, make_feed
from dialback.web.portal.application import PortalParts, add_portal
from dialback.web.safe_headers import SafeHeaders


@dataclass(frozen=True, slots=True)
class Site:
    """What the web application needs of the other roles. `address` is `NAME:PORT`, as clients reach it."""

    enrolment: Enrolment
    ca_pem: str
    metrics: Metrics
    store: Store
    address: str
    portal: PortalParts | None = None
    api: Api | None = None
    feed: FeedParts | None = None
    recorder: Recorder | None = None


def make_app(site: Site) -> FastAPI:
    """Return the web application."""
    app = FastAPI(title="Dialback", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(status.make_router(site.ca_pem, site.metrics, site.store.check))
    app.include_router(enrolment.make_router(site.enrolment, site.metrics, site.recorder))
    if site.portal is not None:
        add_portal(app, site.portal, site.store, site.address)
    if site.api is not None:
        mount_api(app, site.api)
    if site.feed is not None:
        app.include_router(make_feed(site.feed))
        # It spells paths before anybody else looks at them.
        app.add_middleware(Discovery)
    # Outermost of all: it guards what the others answer by themselves too.
    app.add_middleware(SafeHeaders)
    return app

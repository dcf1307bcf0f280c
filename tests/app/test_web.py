"""A node with all its parts answers for each: the wiring, and nothing of what is behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from dialback.app.build import build_node
from dialback.app.certificates import server_certificates
from dialback.app.files import signing_key
from dialback.app.sealing import sealing_key
from dialback.app.settings import ServerSettings, Settings
from dialback.app.web import Behind, WebParts, build_site
from dialback.broker.auditor import Auditor
from dialback.broker.decisions import HeardApprovals
from dialback.identity.authenticator import Authenticator
from dialback.identity.oidc.settings import OidcSettings
from dialback.observe.metrics import Metrics
from dialback.store.open import open_store
from dialback.web.site import make_app
from tests.web.api.stage import Cuts, Orders, Told

ADDRESS = "gw.example.org:443"
SETTINGS = Settings(ServerSettings(address=ADDRESS))
KEYCLOAK = OidcSettings("keycloak", "http://127.0.0.1:9", "dialback", title="Keycloak")


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Behind]:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield Behind(
        store=store,
        certificates=server_certificates(tmp_path, SETTINGS),
        metrics=Metrics(),
        address=ADDRESS,
        approvals=HeardApprovals(store.approvals),
        recorder=Auditor(store.audit),
        connections=Cuts(),
        consent_events=Told(),
        orders=Orders(),
    )
    await store.close()


@pytest.fixture
async def parts(behind: Behind, tmp_path: Path) -> AsyncIterator[WebParts]:
    store = behind.store
    authenticator = Authenticator(store.accounts, store.directory, SETTINGS.sign_in)
    async with httpx.AsyncClient() as http:
        yield WebParts(
            authenticator, signing_key(tmp_path, SETTINGS), sealing_key(tmp_path), http, [KEYCLOAK]
        )


async def status(app: FastAPI, path: str) -> int:
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 50000))
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{ADDRESS}") as client:
        return (await client.get(path)).status_code


async def test_every_part_answers(behind: Behind, parts: WebParts) -> None:
    app = make_app(build_site(behind, parts))

    assert await status(app, "/signin") == 200
    assert await status(app, "/") == 303
    assert await status(app, "/api/v1/me") == 401
    assert await status(app, "/RDWeb/Feed/webfeed.aspx") == 302
    assert await status(app, "/health") == 200


async def test_people_may_sign_in_at_a_provider_of_the_settings(behind: Behind, parts: WebParts) -> None:
    app = make_app(build_site(behind, parts))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{ADDRESS}") as client:
        page = await client.get("/signin")

    assert "Keycloak" in page.text
    assert "/signin/oidc/keycloak" in page.text


async def test_node_without_the_parts_serves_hosts_alone(behind: Behind) -> None:
    app = make_app(build_site(behind, None))

    assert await status(app, "/signin") == 404
    assert await status(app, "/api/v1/me") == 404
    assert await status(app, "/ca.pem") == 200


async def test_node_is_built_with_them(behind: Behind, parts: WebParts) -> None:
    node = build_node(SETTINGS, behind.certificates, behind.store, parts)

    assert node.metrics.value("dialback_open_connections") == 0


async def test_portal_and_api_tell_the_same_of_consent(behind: Behind, parts: WebParts) -> None:
    site = build_site(behind, parts)
    assert site.portal is not None
    assert site.api is not None
    assert site.portal.consent_events is site.api.consent_events is behind.consent_events

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from dialback.app.build import build_node
from dialback.app.certificates import server_certificates
from dialback.app.settings import ServerSettings, Settings
from dialback.edge.accept import Route
from dialback.store.sql import SqlStore
from dialback.wire.head import RequestHead

UNOPENED = SqlStore(create_async_engine("sqlite+aiosqlite://"))
SETTINGS = Settings(ServerSettings(address="gw.example.org:443"))
UPGRADE = (("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "x"))


@pytest.fixture
async def route(tmp_path: Path) -> Route:
    return build_node(SETTINGS, server_certificates(tmp_path, SETTINGS), UNOPENED).edge.route


@pytest.mark.parametrize(
    ("method", "path", "headers", "handler"),
    [
        ("RDG_OUT_DATA", "/remoteDesktopGateway/", (), "serve_out"),
        ("RDG_OUT_DATA", "/REMOTEDESKTOPGATEWAY", UPGRADE, "serve_out"),
        ("RDG_IN_DATA", "/remoteDesktopGateway/", (), "serve_in"),
        ("GET", "/agent/link", UPGRADE, "serve"),
        ("GET", "/agent/reverse", (), "serve"),
        ("GET", "/rdp/office", UPGRADE, "serve"),
    ],
)
async def test_request_of_a_role_is_kept(
    route: Route, method: str, path: str, headers: tuple[tuple[str, str], ...], handler: str
) -> None:
    found = route(RequestHead(method, path, headers))

    assert getattr(found, "__name__", None) == handler


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/remoteDesktopGateway/"),
        ("RDG_OUT_DATA", "/"),
        ("RPC_IN_DATA", "/rpc/rpcproxy.dll"),
        ("POST", "/agent/enrol"),
        ("GET", "/rdp/office"),
    ],
)
async def test_everything_else_is_the_web_applications(route: Route, method: str, path: str) -> None:
    assert route(RequestHead(method, path, ())) is None


async def test_each_node_counts_for_itself(tmp_path: Path) -> None:
    certificates = server_certificates(tmp_path, SETTINGS)
    one, other = (build_node(SETTINGS, certificates, UNOPENED) for _ in range(2))

    one.metrics.agent_links.set(1)

    assert other.metrics.value("dialback_agent_links") == 0

"""The browser shows what an authority it trusts has signed, and nothing else."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Error

from lab.browser import Browser
from lab.certificates import Authority, HostCertificate

pytestmark = pytest.mark.interop


class Hello(BaseHTTPRequestHandler):
    """A page with a title."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>Hello</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def url(authority: Authority) -> Iterator[str]:
    server = serving(authority.issue("localhost"))
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def serving(certificate: HostCertificate) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()
    return server


def test_page_of_a_trusted_authority_opens(tmp_path: Path, authority: Authority, url: str) -> None:
    with Browser(tmp_path, authority.pem) as browser:
        page = browser.page(url)
        page.goto("/")
        assert page.title() == "Hello"


def test_page_of_another_authority_is_refused(tmp_path: Path, url: str) -> None:
    (tmp_path / "other").mkdir()
    with Browser(tmp_path, Authority(tmp_path / "other").pem) as browser:
        page = browser.page(url)
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            page.goto("/")

"""A client that subscribes to a workspace feed as the stock ones do, written from the specification alone.

It knows nothing of the server's code: `http.client` over one TLS connection, NTLM by pyspnego, the list read
as XML. It walks from the feed's address to the list: redirected to the login, NTLM there, the token that is
answered goes into a cookie. `walk` keeps each request with its answer. Left out: discovery by e-mail address,
icons, the reconnect service, caching.

Source: [MS-TSWP] 3.2, Client Details; 2.2.2, ResourceCollection; [MS-NLMP] over HTTP, RFC 4559 4.
"""

import base64
import http.client
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from xml.etree import ElementTree

import spnego

from lab.process import PATIENCE_S, Failed

FEED = "/RDWeb/Feed/webfeed.aspx"
ACCEPT = "application/x-msts-radc+xml; radc_schema_version=2.0"
TOKEN_TYPE = "application/x-msts-webfeed-login"
COOKIE = ".ASPXAUTH"
MAX_STEPS = 8


@dataclass(frozen=True)
class Resource:
    """One entry of the list; `type` is `Desktop` or `RemoteApp`, `url` is where its connection file is."""

    alias: str
    title: str
    type: str
    url: str


@dataclass(frozen=True)
class Answer:
    """What the server said; names of `headers` are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class FeedClient:
    """One subscription of one device; `agent` is the User-Agent by which servers tell families of clients."""

    address: str
    """The server as `name:port`."""
    authority: Path
    """The PEM file of who signed the server's certificate."""
    user: str
    password: str = field(repr=False)
    agent: str = "TSWorkspace/2.0"
    walk: list[str] = field(default_factory=list)
    _token: str = field(default="", repr=False)
    _http: http.client.HTTPSConnection | None = field(default=None, repr=False)

    def subscribe(self) -> list[Resource]:
        """Walk to the list and return what it holds; raise `Failed` when the server leads elsewhere."""
        path = FEED
        for _ in range(MAX_STEPS):
            answer = self._ask(path)
            if answer.status == 401:
                answer = self._log_in(path)
            if answer.status == 302:
                path = answer.headers["location"]
            elif answer.status == 200 and answer.headers["content-type"].startswith(TOKEN_TYPE):
                self._token, path = answer.body.decode(), FEED
            elif answer.status == 200:
                return parse_list(answer.body)
            else:
                raise Failed(f"feed of {self.user}: expected a list, got {self.walk}")
        raise Failed(f"feed of {self.user}: expected a list within {MAX_STEPS} steps, got {self.walk}")

    def save(self, resource: Resource, path: Path) -> Path:
        """Fetch the connection file of a resource into `path` and return it."""
        answer = self._ask(resource.url)
        if answer.status != 200:
            raise Failed(f"{resource.url}: expected a connection file, got {answer.status}")
        path.touch(mode=0o600)
        path.write_bytes(answer.body)
        return path

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._http is not None:
            self._http.close()

    def _log_in(self, path: str) -> Answer:
        """Do both steps of NTLM's handshake, on the connection that asked for it."""
        name = self.address.rpartition(":")[0]
        context = spnego.client(
            self.user,
            self.password,
            hostname=name,
            service="HTTP",
            protocol="ntlm",
            options=spnego.NegotiateOptions.use_ntlm,
        )
        challenged = self._ask(path, _ntlm(context.step()))
        challenge = challenged.headers.get("www-authenticate", "").removeprefix("NTLM ")
        if challenged.status != 401 or not challenge:
            raise Failed(f"{path}: expected NTLM's challenge, got {challenged.status}")
        return self._ask(path, _ntlm(context.step(base64.b64decode(challenge))))

    def _ask(self, url: str, authorization: str = "") -> Answer:
        path = urlsplit(url).path
        headers = {"User-Agent": self.agent, "Accept": ACCEPT}
        if self._token:
            headers["Cookie"] = f"{COOKIE}={self._token}"
        if authorization:
            headers["Authorization"] = authorization
        connection = self._connection()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        answer = Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
        self.walk.append(f"{path} {answer.status}")
        return answer

    def _connection(self) -> http.client.HTTPSConnection:
        if self._http is None:
            name, _, port = self.address.rpartition(":")
            trust = ssl.create_default_context(cafile=self.authority)
            self._http = http.client.HTTPSConnection(name, int(port), context=trust, timeout=PATIENCE_S)
        return self._http

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def parse_list(document: bytes) -> list[Resource]:
    """Return the resources of a list, in its order; raise `Failed` when it is none."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise Failed(f"expected a list in XML, got {document[:80]!r}") from error
    return [_resource(each) for each in root.iterfind(".//{*}Resource")]


def _resource(element: ElementTree.Element) -> Resource:
    file = element.find(".//{*}ResourceFile")
    if file is None:
        raise Failed(f"{element.get('Title')}: expected a connection file in the list, got none")
    get = element.get
    return Resource(get("Alias", ""), get("Title", ""), get("Type", ""), file.get("URL", ""))


def _ntlm(message: bytes | None) -> str:
    return f"NTLM {base64.b64encode(message or b'').decode()}"

"""A client that subscribes over TLS, with NTLM by a real client's library, as the stock ones do."""

import asyncio
import base64
import http.client
import ssl
from dataclasses import dataclass, field
from email.message import Message

import spnego
from lxml import etree

from dialback.wire import rdpfile
from dialback.wire.feed.negotiation import SchemaVersion
from dialback.wire.feed.reconnect import ACTION, ReconnectFile, build_request, parse_response

FEED = "/RDWeb/Feed/webfeed.aspx"
RADC = "application/x-msts-radc+xml; radc_schema_version="


@dataclass(frozen=True)
class Family:
    """How the clients of one family ask, and the schema in which they are answered.

    Source: [MS-TSWP] 2.2.5, Content Negotiation; 3.1.5.2.2, of the parameter in the address.
    """

    agent: str
    version: SchemaVersion
    accept: str = ""
    query: str = ""


FAMILIES = {
    "windows": Family(
        "TSWorkspace/2.0",
        SchemaVersion.V2_0,
        "application/xml, Image/*, Application/*, text/*, "
        "application/x-msts-radc+xml;radc_schema_version=2.0, application/x-msts-radc-discovery+xml",
    ),
    # It knows nothing but 1.1, and asks for no version.
    "windows 7": Family("TSWorkspace/2.0", SchemaVersion.V1_1),
    "macos": Family("com.microsoft.rdc.macos/11.1 RdCore/1.0", SchemaVersion.V2_0, f"{RADC}2.0"),
    "ios": Family("com.microsoft.rdc.ios/11.0 RdCore/1.0", SchemaVersion.V2_0, f"{RADC}2.0"),
    "android": Family("com.microsoft.rdc.androidx/11.0.0.106 RdCore/1.0", SchemaVersion.V2_0, f"{RADC}2.0"),
    "newest": Family("TSWorkspace/3.0", SchemaVersion.V2_1, f"{RADC}2.0, {RADC}2.1"),
    "in the address": Family("TSWorkspace/2.0", SchemaVersion.V2_1, query="?radc_schema_version=2.1"),
}
WINDOWS = FAMILIES["windows"]


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: Message
    body: bytes


@dataclass
class Client:
    """A client that keeps one connection, as NTLM has it, and follows where it is led."""

    port: int
    tls: ssl.SSLContext
    family: Family
    user: str
    password: str
    server: str = "127.0.0.1"
    token: str = ""
    connections: int = 0
    _http: http.client.HTTPSConnection | None = field(default=None, repr=False)

    async def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        return await asyncio.to_thread(self._ask, path, method, body, headers)

    def _ask(self, path: str, method: str, body: bytes, headers: dict[str, str]) -> Answer:
        given = {"User-Agent": self.family.agent}
        if self.family.accept:
            given["Accept"] = self.family.accept
        if self.token:
            given["Cookie"] = f".ASPXAUTH={self.token}"
        try:
            return self._once(path, method, body, given | headers)
        except ConnectionError:
            # The server closes a connection that was idle; a client asks once more on another.
            self.close()
            return self._once(path, method, body, given | headers)

    def _once(self, path: str, method: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = self._connected()
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def _connected(self) -> http.client.HTTPSConnection:
        if self._http is None:
            self._http = http.client.HTTPSConnection(self.server, self.port, context=self.tls, timeout=15)
        if self._http.sock is None:
            self.connections += 1
        return self._http

    async def log_in(self, path: str) -> Answer:
        """Do both steps of the handshake."""
        options = spnego.NegotiateOptions.use_ntlm
        context = spnego.client(
            self.user, self.password, hostname=self.server, service="HTTP", protocol="ntlm", options=options
        )
        first = base64.b64encode(context.step() or b"").decode()
        challenged = await self.ask(path, Authorization=f"NTLM {first}")
        if challenged.status != 401:
            return challenged
        challenge = challenged.headers["WWW-Authenticate"].removeprefix("NTLM ")
        last = base64.b64encode(context.step(base64.b64decode(challenge)) or b"").decode()
        return await self.ask(path, Authorization=f"NTLM {last}")

    async def subscribe(self, path: str = "") -> Answer:
        """Walk to the list; return it, or what came instead."""
        path = feed = path or FEED + self.family.query
        for _ in range(8):
            answer = await self.ask(path)
            if answer.status == 401:
                answer = await self.log_in(path)
            if answer.status == 302:
                path = answer.headers["Location"]
            elif answer.headers["Content-Type"] == "application/x-msts-webfeed-login; charset=utf-8":
                self.token, path = answer.body.decode(), feed
            else:
                return answer
        raise AssertionError("expected a list within eight steps, got none")

    async def sessions(self) -> tuple[ReconnectFile, ...]:
        """Return what the reconnect service offers."""
        action = f'"{ACTION}"'
        path = "/RDWeb/Feed/RDWebService.asmx"
        answer = await self.ask(path, "POST", build_request(), SOAPAction=action)
        assert answer.status == 200
        return parse_response(answer.body)

    def close(self) -> None:
        if self._http is not None:
            self._http.close()


def file_urls(document: bytes) -> list[str]:
    return [element.get("URL") for element in etree.fromstring(document).iter("{*}ResourceFile")]


def icon_urls(document: bytes) -> list[str]:
    return [element.get("FileURL") for element in etree.fromstring(document).iter() if element.get("FileURL")]


def settings_in(file: bytes) -> dict[str, str]:
    return {each.name: str(each.value) for each in rdpfile.parse(rdpfile.decode(file))}

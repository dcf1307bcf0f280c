"""A client that subscribes to the feed: it logs in by NTLM, and asks for its list with the token it got.

Blocking, and meant for a thread of its own: each list is a TLS connection of its own, and how long it takes
is from dialling to the last byte.
"""

import base64
import http.client
import ssl
import time
from dataclasses import dataclass

import spnego

from bench.node import ADDRESS
from dialback.domain.ids import UserName
from dialback.domain.secret import Secret
from dialback.web.feed.addresses import FEED, LOGIN

_ACCEPT = "application/x-msts-radc+xml; radc_schema_version=2.0"
_AGENT = "TSWorkspace/2.0"
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that came: in how many milliseconds, and what was in it."""

    ms: float
    body: bytes


class Subscriber:
    """One user's client."""

    def __init__(self, port: int, context: ssl.SSLContext, user: UserName, password: Secret) -> None:
        self._port = port
        self._context = context
        self._headers = {"User-Agent": _AGENT, "Accept": _ACCEPT}
        self._cookie = {"Cookie": f".ASPXAUTH={self._log_in(user, password)}"}

    def list(self, version: str = "2.0") -> Listed:
        """Ask for the list."""
        begun_at = time.perf_counter()
        answer, body = self._ask(self._dial(), f"{FEED}?radc_schema_version={version}", self._cookie)
        spent_ms = (time.perf_counter() - begun_at) * 1000
        if answer.status != 200:
            raise ConnectionError(f"expected a list, got {answer.status}")
        return Listed(spent_ms, body)

    def _log_in(self, user: UserName, password: Secret) -> str:
        client = spnego.client(user, password.reveal(), protocol="ntlm")
        connection, token = self._dial(), client.step()
        for _ in range(2):
            given = {"Authorization": f"NTLM {base64.b64encode(token or b'').decode()}"}
            answer, body = self._ask(connection, LOGIN, given)
            if answer.status == 200:
                connection.close()
                return body.decode("ascii")
            token = client.step(base64.b64decode(answer.headers["WWW-Authenticate"].partition(" ")[2]))
        raise ConnectionError(f"expected a feed token, got {answer.status}")

    def _dial(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(ADDRESS, self._port, timeout=TIMEOUT_S, context=self._context)

    def _ask(
        self, connection: http.client.HTTPSConnection, path: str, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection.request("GET", path, headers={**self._headers, **headers})
        answer = connection.getresponse()
        return answer, answer.read()

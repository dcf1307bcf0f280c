"""An issuer that does what a test tells it to: the lies no real provider tells.

It listens on loopback and speaks just enough HTTP/1.1: one request per connection. What it answers is a table
from path to answer, which a test changes; tokens are signed with keys of its own.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from dialback.identity.oidc.pending import Pending
from dialback.identity.oidc.settings import OidcSettings

CLIENT_ID = "dialback"
BACK = "https://gw.test/oidc/lab/back"
ACCESS_TOKEN = "access-token"
ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519", "HS256", "RS512"]
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
"""Made once: it takes longest."""

AnyKey = RSAKey | ECKey | OKPKey | OctKey


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def advance(self, time: timedelta) -> None:
        self.at += time


@dataclass
class Reply:
    """What is answered to a request. `silent` sends nothing at all."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False


def json_reply(values: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(values).encode(), status, {"content-type": "application/json"})


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]


def sign(claims: Mapping[str, Any] | bytes, key: AnyKey = RSA, **header: Any) -> str:
    """Return a signed token with the header members; a member that is None is left out."""
    members = {"alg": "RS256", "kid": key.kid, **header}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims)
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    return jws.serialize_compact(
        {name: value for name, value in members.items() if value is not None}, payload, key, registry=registry
    )


class Issuer:
    """The issuer: `replies` by path, `seen` requests, `claims` of the next id token."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.seen: list[Seen] = []
        self.document: dict[str, Any] = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "userinfo_endpoint": f"{self.address}/userinfo",
        }
        self.replies: dict[str, Reply] = {"/.well-known/openid-configuration": json_reply(self.document)}
        self.publish(RSA)

    def publish(self, *keys: AnyKey) -> None:
        """Publish these keys and no other."""
        self.replies["/keys"] = json_reply({"keys": [key.as_dict(private=False) for key in keys]})

    def document_says(self, **members: Any) -> None:
        """Change members of the discovery document."""
        self.replies["/.well-known/openid-configuration"] = json_reply({**self.document, **members})

    def gives(self, id_token: str) -> None:
        """Give this id token for any code."""
        self.replies["/token"] = json_reply(
            {"id_token": id_token, "access_token": ACCESS_TOKEN, "token_type": "Bearer"}
        )

    def claims(self, pending: Pending, **changed: Any) -> dict[str, Any]:
        """Return the claims of an honest token but for what is changed; None leaves a claim out."""
        now = int(time.time())
        honest = {
            "iss": self.address,
            "sub": "alice",
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": pending.nonce.reveal(),
            "preferred_username": "alice@lab.test",
            "email": "alice@lab.test",
            "groups": ["staff"],
        }
        return {name: value for name, value in {**honest, **changed}.items() if value is not None}

    def settings(self, **changed: Any) -> OidcSettings:
        members = {"name": "lab", "issuer": self.address, "client_id": CLIENT_ID, "client_secret": "s3cret&"}
        return OidcSettings(**{**members, **changed})

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [request.path for request in self.seen]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            self.seen.append(request)
            reply = self.replies.get(request.path, Reply(b"nothing here", 404))
            if reply.silent:
                await reader.read()  # until the client gives up
                return
            writer.write(_head(reply) + reply.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left before the end of an answer too long for it
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Seen:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, path, headers, dict(parse_qsl(body.decode())))


def _head(reply: Reply) -> bytes:
    headers = {"content-length": str(len(reply.body)), "connection": "close", **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Reply", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@asynccontextmanager
async def running_issuer() -> AsyncIterator[Issuer]:
    """Run an issuer from here to the end of the block."""
    issuer: Issuer

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await issuer.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    issuer = Issuer(server.sockets[0].getsockname()[1])
    async with server:
        yield issuer

"""The feed over memory, and clients of each family that walk a subscription as the real ones do."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import spnego
from argon2 import PasswordHasher
from fastapi import FastAPI

from dialback.domain.accounts import Origin, SignInKind, WorkspacePassword
from dialback.domain.directory import Published
from dialback.domain.secret import Secret
from dialback.domain.tenancy import User
from dialback.identity.authenticator import Authenticator
from dialback.identity.passwords import Passwords
from dialback.identity.settings import SignInSettings
from dialback.observe.metrics import Metrics
from dialback.store.memory import MemoryStore
from dialback.store.memory_accounts import MemoryAccounts
from dialback.store.memory_icons import MemoryIcons
from dialback.web.feed.discovery import Discovery
from dialback.web.feed.files import MakesFiles
from dialback.web.feed.routes import FeedParts, make_feed
from dialback.web.people import COOKIE, know_people
from tests.broker.recorder import KeptEntries
from tests.web.feed import nouns

ADDRESS = "gw.example.org:443"
ADDRESS_FAILURES = 10
RADC = "TSWorkspace/2.0"
MACOS = "com.microsoft.rdc.macos/11.1 RdCore/1.0"
IOS = "com.microsoft.rdc.ios/11.0 RdCore/1.0"
ANDROID = "com.microsoft.rdc.androidx/11.0.0.106 RdCore/1.0"
APPS = (MACOS, IOS, ANDROID)
FAMILIES = (RADC, *APPS)
ACCEPT = "application/x-msts-radc+xml; radc_schema_version=2.0"

Asks = Callable[..., Any]


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = nouns.NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class PlainFiles:
    """Makes files that say what they were made of."""

    signer = "key 1"

    def feed(self, published: Published, user: User, ticket: Secret, publisher: str) -> bytes:
        pool = published.pool
        lines = (
            f"full address:s:{published.resource.name}",
            f"username:s:{user.name}",
            f"use multimon:i:{int(pool.multi_monitor)}",
            f"gatewayaccesstoken:s:{ticket.reveal()}",
            f"workspace id:s:{publisher}",
        )
        return "".join(f"{line}\r\n" for line in lines).encode()

    def unsigned(self, published: Published, user: User, publisher: str) -> bytes:
        return self.feed(published, user, Secret("-"), publisher)


def ticket_in(file: bytes) -> str:
    """Return the ticket in a connection file."""
    return file.decode().partition("gatewayaccesstoken:s:")[2].partition("\r\n")[0]


class Feed:
    """The application, and what is behind it."""

    def __init__(self, maker: MakesFiles | None = None) -> None:
        self.clock = Clock()
        self.store = MemoryStore()
        self.directory = self.store.directory
        self.icons = MemoryIcons(self.directory)
        self.accounts = MemoryAccounts(self.directory)
        self.metrics = Metrics()
        self.recorder = KeptEntries()
        settings = SignInSettings(address_failures=ADDRESS_FAILURES)
        # The hasher is the cheapest there is: no password of the portal is at stake here.
        passwords = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.authenticator = Authenticator(self.accounts, self.directory, settings, self.clock, passwords)
        self.parts = FeedParts(
            authenticator=self.authenticator,
            directory=self.directory,
            store=self.store,
            icons=self.icons,
            files=maker or PlainFiles(),
            metrics=self.metrics,
            recorder=self.recorder,
            address=ADDRESS,
            now=self.clock,
        )
        self.app = FastAPI(openapi_url=None)
        know_people(self.app.state, self.authenticator)
        self.app.include_router(make_feed(self.parts))

        @self.app.get("/portal")
        async def portal() -> str:
            return "portal"

        self.app.add_middleware(Discovery)

    async def fill(self) -> None:
        """Publish something to somebody, and the same ids in another tenant to somebody else."""
        for tenant in (nouns.MAIN_TENANT, nouns.OTHER_TENANT):
            await self.directory.save_tenant(tenant)
        for user in (nouns.ANNA, nouns.THEIRS):
            await self.directory.save(user)
        await self.directory.save(nouns.SPACE)
        for pool in (nouns.POOL, nouns.APP_POOL):
            await self.directory.save(pool)
        for group in (nouns.DESKTOPS, nouns.APPS):
            await self.directory.save(group)
        for resource in (nouns.DESKTOP, nouns.EDITOR, nouns.HIDDEN):
            await self.directory.save(resource)
        for assignment in nouns.ASSIGNED:
            await self.directory.assign(assignment)

    async def password(self, user: User = nouns.ANNA, device: str = "Phone") -> str:
        """Return a new workspace password of the user."""
        return (await self.kept_password(user, device))[1]

    async def kept_password(
        self, user: User = nouns.ANNA, device: str = "Phone"
    ) -> tuple[WorkspacePassword, str]:
        """Return a new workspace password of the user, as it is kept and as it is typed."""
        kept, secret = await self.authenticator.make_workspace_password(user, device)
        return kept, secret.reveal()

    async def token(self, user: User = nouns.ANNA) -> str:
        """Return a feed token of the user."""
        opened = await self.authenticator.open(user, SignInKind.FEED, "test", Origin("192.0.2.7"))
        return opened.secret.reveal()

    async def browser(self, user: User = nouns.ANNA) -> dict[str, str]:
        """Return the headers of a browser at which the user is signed in."""
        opened = await self.authenticator.open(user, SignInKind.BROWSER, "test", Origin("192.0.2.7"))
        return {"Cookie": f"{COOKIE}={opened.secret.reveal()}"}

    def client(self, agent: str = RADC, user: str = "anna", password: str = "") -> "Subscriber":
        """Return a client that has not asked for anything yet."""
        transport = httpx.ASGITransport(self.app, client=("192.0.2.7", 50000))
        http = httpx.AsyncClient(transport=transport, base_url="https://gw.example.org")
        return Subscriber(http, agent, user, password)

    async def subscribed(self, agent: str = RADC, user: User = nouns.ANNA) -> "Subscriber":
        """Return a client that has logged in."""
        client = self.client(agent)
        client.token = await self.token(user)
        return client


class Subscriber:
    """A client that subscribes: what it was told, it does; what it was given, it keeps."""

    def __init__(self, http: httpx.AsyncClient, agent: str, user: str, password: str) -> None:
        self._http = http
        self.agent = agent
        self._user = user
        self._password = password
        self.token = ""

    async def ask(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """Send one request with the token, if there is one; follow nothing."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        cookie = {"Cookie": f".ASPXAUTH={self.token}"} if self.token else {}
        return await self._http.request(
            method, path, headers={"User-Agent": self.agent, "Accept": ACCEPT, **cookie, **given}
        )

    async def log_in(self, path: str) -> httpx.Response:
        """Do the handshake of NTLM on the path; return the last answer."""
        handshake = Handshake(self._user, self._password)
        challenged = await self.ask(path, Authorization=handshake.first())
        if challenged.status_code != 401 or " " not in challenged.headers["WWW-Authenticate"]:
            return challenged
        return await self.ask(path, Authorization=handshake.last(challenged))

    async def discover(self, path: str) -> bool:
        """Say whether the family's own probe takes the address for a feed."""
        answer = await self.ask(path)
        while answer.status_code == 302:
            answer = await self.ask(answer.headers["Location"])
        offers = answer.headers.get_list("WWW-Authenticate")
        return answer.status_code == 401 and offers[0] == "NTLM"

    async def subscribe(self, path: str) -> httpx.Response:
        """Walk from what was typed to the list, logging in on the way; return the list, or where it ended."""
        for _ in range(8):
            answer = await self.ask(path)
            if answer.status_code == 302:
                path = answer.headers["Location"]
            elif answer.status_code == 401:
                answer = await self.log_in(path)
                if answer.status_code == 302:
                    path = answer.headers["Location"]
                    continue
                if answer.status_code != 200:
                    return answer
                assert answer.headers["Content-Type"] == "application/x-msts-webfeed-login; charset=utf-8"
                self.token = answer.text
                path = "/RDWeb/Feed/webfeed.aspx"
            else:
                return answer
        raise AssertionError("expected a list within eight requests, got none")

    async def close(self) -> None:
        await self._http.aclose()


class Handshake:
    """The two messages of one NTLM login, made by a real client's library."""

    def __init__(self, user: str, password: str) -> None:
        options = spnego.NegotiateOptions.use_ntlm
        self._context = spnego.client(
            user, password, hostname="gw.example.org", service="HTTP", protocol="ntlm", options=options
        )

    def first(self) -> str:
        """Return the value of the header that begins."""
        return f"NTLM {base64.b64encode(self._context.step() or b'').decode()}"

    def last(self, challenged: httpx.Response) -> str:
        """Return the value of the header that ends it."""
        scheme, _, challenge = challenged.headers["WWW-Authenticate"].partition(" ")
        assert scheme == "NTLM"
        return f"NTLM {base64.b64encode(self._context.step(base64.b64decode(challenge)) or b'').decode()}"


def urls_of(document: bytes) -> list[str]:
    """Return every address in a list."""
    elements = ElementTree.fromstring(document).iter()
    found = [element.get("FileURL") or element.get("URL") for element in elements]
    return [url for url in found if url]

"""The API as commands use it: which server, by which credentials, and its problems as sentences.

Where a command goes, the first that applies:

* `--data`: this machine's own server. Whoever can write its data folder has everything already, so a sign-in
  of a few minutes is made there for an owner, used over loopback, ended afterwards, and kept in the audit log
  under the local user's name. Commands that need no running server do without (`cli/in_tenant.py`).
* `--server` and `--token`, or the environment variables of the same meaning: for programs.
* the file that `dialback login` wrote.
* the usual data folder, if this machine has one.
"""

import inspect
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

import httpx
import typer

from dialback.app.certificates import server_certificates
from dialback.app.settings import (
    Settings,
    listen_address,
    public_address,
    split_address,
    store_url,
)
from dialback.cli.context import Failed, run, sentences
from dialback.cli.data import Data, folder_of, local_name, settings_of
from dialback.domain.accounts import Origin, SignIn, SignInKind
from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.directory import every
from dialback.domain.errors import Problem
from dialback.domain.tenancy import MAIN, Role, User
from dialback.identity.files import PRIVATE, write_file
from dialback.identity.tokens import hash_token, make_token
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from dialback.transport.tls import client_context
from dialback.web.api.application import PREFIX
from dialback.web.api.guard import LOCAL_METHOD

P = ParamSpec("P")
T = TypeVar("T")
PAGE = 500
TIMEOUT_S = 30.0
LOCAL_LIFE = timedelta(minutes=10)
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}

ServerOption = Annotated[
    str, typer.Option("--server", envvar="DIALBACK_SERVER", help="NAME:PORT of the server.")
]
TokenOption = Annotated[
    str,
    typer.Option("--token", envvar="DIALBACK_TOKEN", help="API token; better in the environment variable."),
]
CaOption = Annotated[
    Path | None,
    typer.Option(
        "--ca", envvar="DIALBACK_CA", help="PEM file of the CA that the server's certificate is of."
    ),
]


class ApiRefused(Problem):
    """The server does not do what it was asked; the message is its own sentence."""

    def __init__(self, status: int, reason: str, sentence: str, error: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        self.error = error


@dataclass(frozen=True, slots=True)
class Login:
    """What `dialback login` keeps: the server, its CA in PEM (empty for the system's), and the token."""

    server: str
    ca_pem: str
    token: str = field(repr=False)


class Api:
    """One server's API. `context` verifies its certificate, and that of gateways it names."""

    def __init__(self, client: httpx.AsyncClient, server: str, name: str, context: ssl.SSLContext) -> None:
        self.context = context
        self._client = client
        self._server = server
        self._extensions = {"sni_hostname": name}

    async def get(self, *path: str, **query: object) -> Any:
        """Return what is at the path."""
        return await self.ask("GET", *path, params=query)

    async def find(self, *path: str) -> Any | None:
        """Return what is at the path; None if nothing is."""
        try:
            return await self.get(*path)
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def all(self, *path: str, most: int | None = None, after: str = "", **query: object) -> list[Any]:
        """Return a whole list, page by page, or its first `most` behind the cursor `after`."""
        found: list[Any] = []
        while most is None or len(found) < most:
            limit = PAGE if most is None else min(PAGE, most - len(found))
            page = await self.get(*path, **query, limit=limit, after=after)
            found += page["items"]
            if not (after := page["after"]):
                break
        return found

    async def named(self, family: str, text: str, word: str, see: str = "") -> Any:
        """Return what has the id or the name; `Failed` if there is none, or two that differ.

        Args:
            see: the command that shows which there are.
        """
        by_id = await self.find(family, text) if text else None
        by_name = await self.find_named(family, text)
        if by_id and by_name and by_id["id"] != by_name["id"]:
            # Ids are chosen by callers: one may be made to be taken for another.
            raise Failed(
                f"{text!r} is the id of the {word} {by_id['name']!r}, and the name of that with the id "
                f"{by_name['id']!r}; say {by_id['name']!r} or {by_name['id']!r}."
            )
        found = by_id or by_name
        if found is None:
            raise Failed(f"There is no {word} {text!r}{f'; `{see}` shows them' if see else ''}.")
        return found

    async def find_named(self, family: str, name: str) -> Any | None:
        """Return what has the name; None if there is none."""
        if not name:
            # Without a name to look for, the answer would be all of them.
            return None
        items = (await self.get(family, name=name))["items"]
        return items[0] if items else None

    async def put(self, *path: str, body: object = None) -> Any:
        """Save what is at the path."""
        return await self.ask("PUT", *path, json=body)

    async def make(self, family: str, id: str, body: object) -> Any:
        """Save what is new; `Failed` if something has the id."""
        try:
            return await self.ask("PUT", family, id, json=body, headers={"If-None-Match": "*"})
        except ApiRefused as refused:
            if refused.status != 412 or (found := await self.find(family, id)) is None:
                raise
            raise Failed(f"The id {id!r} is that of {found['name']!r}; choose a different one.") from refused

    async def post(self, *path: str, body: object = None) -> Any:
        """Have something done."""
        return await self.ask("POST", *path, json=body)

    async def delete(self, *path: str) -> Any:
        """Remove what is at the path."""
        return await self.ask("DELETE", *path)

    async def ask(self, method: str, *path: str, **more: Any) -> Any:
        """Send one request; return what was answered, or raise `ApiRefused`.

        Raises:
            ApiRefused: the server says why not.
            Failed: it cannot be reached, or is none.
        """
        if more.get("json", ...) is None:
            del more["json"]
        url = "/".join((PREFIX, *(quote(part, safe="") for part in path)))
        try:
            answer = await self._client.request(method, url, extensions=self._extensions, **more)
        except httpx.HTTPError as error:
            raise Failed(_unreachable(self._server, error)) from error
        return _read(self._server, answer)


def body_of(noun: dict[str, Any]) -> dict[str, Any]:
    """Return what can be said of a noun that was read; its icon is a picture of its own."""
    return {field: value for field, value in noun.items() if field not in ("id", "version", "icon")}


def _read(server: str, answer: httpx.Response) -> Any:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    try:
        told = answer.json() if kind.endswith("json") and answer.content else answer.content
    except ValueError as error:
        raise Failed(f"{server} gave no proper answer: {error}") from error
    if answer.status_code < 300:
        return told
    if not isinstance(told, dict) or "reason" not in told:
        raise Failed(f"{server} is no Dialback server, or an older one: it answers {answer.status_code}")
    raise ApiRefused(answer.status_code, str(told["reason"]), _sentence(told), str(told.get("error", "")))


def _sentence(problem: dict[str, Any]) -> str:
    if rules := [_rule(each) for each in problem.get("errors", ())]:
        # The title speaks of the request, which whoever types a command does not know of.
        return f"That does not fit: {'; '.join(rules)}."
    return " ".join(filter(None, (str(problem.get("title", "")), str(problem.get("detail", "")))))


def _rule(error: dict[str, Any]) -> str:
    """Return the rule that was broken, with the field's name unless it is the whole of what was sent."""
    field = str(error.get("field", "")).partition(".")[2]
    message = str(error.get("message", "")).removesuffix(".")
    return f"{field}: {message}" if field else message


def _unreachable(server: str, error: httpx.HTTPError) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            f"{server} shows a certificate that is not trusted here; give its CA with --ca FILE, "
            "or sign in with `dialback login --fingerprint`."
        )
    return f"{server} cannot be reached: {str(error) or type(error).__name__}."


def choose_server(server: str, token: str, ca: Path | None, data: Path | None) -> Login | Path:
    """Return which server is meant: by its address with a token, or by its data folder.

    Raises:
        Failed: too little was said, and nobody is signed in.
    """
    if data is not None:
        return data
    known = read_login()
    if known is not None and server not in ("", known.server):
        # Its token is for no other server.
        known = None
    known = known or Login("", "", "")
    if server or token or known.server:
        ca_pem = ca.read_text(encoding="utf-8") if ca else known.ca_pem
        chosen = Login(server or known.server, ca_pem, token or known.token)
        if not chosen.server or not chosen.token:
            raise Failed("Give both --server and --token, or sign in with `dialback login`.")
        return chosen
    folder = folder_of(None)
    if not folder.is_dir():
        raise Failed("No server is known here; sign in with `dialback login SERVER`.")
    return folder


@asynccontextmanager
async def opened_api(chosen: Login | Path) -> AsyncIterator[Api]:
    """Open the API of the chosen server."""
    if isinstance(chosen, Login):
        async with connected(chosen.server, chosen.ca_pem, chosen.token) as api:
            yield api
    else:
        async with _local(chosen) as api:
            yield api


@asynccontextmanager
async def connected(server: str, ca_pem: str, token: str = "") -> AsyncIterator[Api]:
    """Open the API of a server by its address."""
    try:
        name, port = split_address(server if ":" in server else f"{server}:443")
    except ValueError as error:
        raise Failed(str(error)) from error
    host = f"[{name}]" if ":" in name else name
    context = _context(ca_pem)
    async with _client(f"https://{host}:{port}", context, token) as client:
        yield Api(client, server, name, context)


def _context(ca_pem: str) -> ssl.SSLContext:
    try:
        return client_context(ca_pem)
    except ssl.SSLError as error:
        raise Failed("The CA file holds no certificate in PEM.") from error


def _client(base: str, context: ssl.SSLContext, token: str, **more: Any) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= more.pop("headers", {})
    return httpx.AsyncClient(
        base_url=base, verify=context, headers=headers, timeout=TIMEOUT_S, follow_redirects=False, **more
    )


@asynccontextmanager
async def _local(folder: Path) -> AsyncIterator[Api]:
    """Open the API of this machine's own server as an owner, for a few minutes."""
    settings: Settings = settings_of(folder)
    context = _context(server_certificates(folder, settings).ca_pem)
    address, (listen, port) = public_address(settings), listen_address(settings)
    listen = _ANY_ADDRESS.get(listen, listen)
    host = f"[{listen}]" if ":" in listen else listen
    store = await open_store(store_url(folder, settings))
    try:
        sign_in, token = await _sign_in(store)
        try:
            client = _client(
                f"https://{host}:{port}", context, token, headers={"Host": address}, trust_env=False
            )
            async with client:
                name = f"the server on {host}:{port}"
                yield Api(client, name, split_address(address)[0], context)
        finally:
            await store.accounts.end_sign_in(sign_in.tenant, sign_in.hash, datetime.now(UTC))
    finally:
        await store.close()


async def _sign_in(store: SqlStore) -> tuple[SignIn, str]:
    owner = await _owner(store)
    secret, now = make_token(), datetime.now(UTC)
    origin = Origin("", local_name())
    sign_in = SignIn(
        hash_token(secret),
        owner.tenant,
        owner.id,
        SignInKind.CLI,
        LOCAL_METHOD,
        now,
        now,
        now + LOCAL_LIFE,
        origin,
    )
    await store.accounts.save_sign_in(sign_in)
    actor = Actor(ActorKind.LOCAL, origin.client)
    await store.audit.write(AuditEntry(owner.tenant, now, actor, "sign-in.local", f"user:{owner.id}"))
    return sign_in, secret.reveal()


async def _owner(store: SqlStore) -> User:
    """Return the first owner of the first tenant who is not disabled."""
    async for user in every(store.directory, User, MAIN):
        if user.role is Role.OWNER and user.disabled_at is None:
            return user
    raise Failed("There is no owner yet; make one with `dialback user`.")


def login_path() -> Path:
    """Return where `dialback login` keeps what it was given."""
    return Path.home() / ".config" / "dialback" / "login.json"


def read_login() -> Login | None:
    """Return what `dialback login` has kept; None if nobody is signed in."""
    path = login_path()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Login(str(kept["server"]), str(kept["ca_pem"]), str(kept["token"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"{path} is damaged; sign in again with `dialback login`.") from error


def write_login(login: Login) -> None:
    """Keep it, for this user alone."""
    path = login_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, json.dumps(asdict(login), indent=2).encode(), PRIVATE, replace=True)


def over_api(work: Callable[Concatenate[Api, P], Awaitable[None]]) -> Callable[..., None]:
    """Make a command of a coroutine function that takes the API first: options say which server."""
    return command_of(work, opened_api)


def command_of(
    work: Callable[Concatenate[T, P], Awaitable[None]],
    opened: Callable[..., AbstractAsyncContextManager[T]],
    **asked: Any,
) -> Callable[..., None]:
    """Make a command of a coroutine function that takes first what `opened` opens.

    Args:
        opened: takes which server is meant, and what was said for the options `asked`.
        asked: options beside those that say which server: name and annotation; each is a text.
    """

    def command(
        *args: Any,
        server: str = "",
        token: str = "",
        ca: Path | None = None,
        data: Path | None = None,
        **more: Any,
    ) -> None:
        with sentences():
            chosen = choose_server(server, token, ca, data)
        told = {name: more.pop(name, "") for name in asked}

        async def work_opened() -> None:
            async with opened(chosen, **told) as first:
                await work(first, *args, **more)

        run(work_opened())

    own = list(inspect.signature(work, eval_str=True).parameters.values())[1:]
    shared = [
        *(_option(name, annotation, "") for name, annotation in asked.items()),
        _option("server", ServerOption, ""),
        _option("token", TokenOption, ""),
        _option("ca", CaOption, None),
        _option("data", Data, None),
    ]
    command.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in (*own, *shared)}
    command.__doc__ = work.__doc__
    command.__name__ = work.__name__
    return command


def _option(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

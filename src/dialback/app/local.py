"""The API over a data folder, in this process: for commands beside the server, or while it does not run.

Every call is made by whoever has the folder, as an owner of the tenant it is for. It works on the database,
where the server finds what was changed. What only the server's own process knows, its agent links and open
connections, is not there; operations that need these say so.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from dialback.app.certificates import authority_pem
from dialback.app.files import platform_public_key, signing_key
from dialback.app.settings import Settings, public_address
from dialback.domain.audit import Actor, ActorKind, AuditEntry, Recorder, shortened
from dialback.domain.ids import TenantId, UserId, UserName
from dialback.domain.names import MAX_USER_CHARS
from dialback.domain.tenancy import Role, User
from dialback.gateway.live import Live
from dialback.identity.authenticator import Authenticator
from dialback.identity.signing import SigningKey
from dialback.identity.tokens import make_id
from dialback.store.sql import SqlStore
from dialback.web.api.application import mount_api
from dialback.web.api.parts import Api, Caller
from dialback.web.connection_files import ConnectionFiles

_TENANT: Final = "dialback.tenant"
"""Where an ASGI scope says which tenant a call is for."""


class LocalApi:
    """The API over the open store of a data folder; `name` is whoever has it, for the audit log."""

    def __init__(self, folder: Path, settings: Settings, store: SqlStore, name: str) -> None:
        self._notes = _Notes()
        self._store = store
        self._name = name
        self._app = FastAPI(openapi_url=None)
        mount_api(self._app, self._parts(folder, settings), self._who)

    def within(self, tenant: TenantId) -> ASGIApp:
        """Return the application whose calls are for the tenant."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app({**scope, _TENANT: tenant}, receive, send)

        return app

    async def write_notes(self) -> None:
        """Write into the audit log what was done since the last time.

        Raises:
            StoreUnavailable: the log does not take it; what was done stays done.
        """
        while self._notes.waiting:
            await self._store.audit.write(self._notes.waiting[0])
            del self._notes.waiting[0]

    async def _who(self, api: Api, request: Request) -> Caller:
        tenant: TenantId = request.scope[_TENANT]
        # Nobody of the directory: an id of its own, so that nothing is theirs.
        name = UserName(self._name[:MAX_USER_CHARS].strip())
        user = User(tenant, UserId(make_id()), name, role=Role.OWNER)
        return Caller(tenant, Actor(ActorKind.LOCAL, self._name), Role.OWNER, user)

    def _parts(self, folder: Path, settings: Settings) -> Api:
        store, address = self._store, public_address(settings)
        return Api(
            directory=store.directory,
            store=store,
            accounts=store.accounts,
            approvals=store.approvals,
            audit=store.audit,
            recorder=self._notes,
            authenticator=Authenticator(store.accounts, store.directory, settings.sign_in),
            icons=store.icons,
            provider=store.provider,
            files=_LocalFiles(lambda: signing_key(folder, settings), address),
            connections=Live(),
            address=address,
            ca_pem=authority_pem(folder, settings),
            now=lambda: datetime.now(UTC),
            platform_key=platform_public_key(folder),
        )


class _Notes(Recorder):
    """What was done, until it is written."""

    def __init__(self) -> None:
        self.waiting: list[AuditEntry] = []

    def note(self, entry: AuditEntry) -> None:
        self.waiting.append(shortened(entry))


class _LocalFiles(ConnectionFiles):
    """Connection files whose key is read when one is made: most commands make none."""

    def __init__(self, load: Callable[[], SigningKey], address: str) -> None:
        self._load = load
        self._address = address

    @property
    def key(self) -> SigningKey:
        return self._load()

"""The provider's half of a stage: a technician, requests, tokens, and a tenant that holds keys.

What the provider's API does is done here to the store, as another process of the platform would.
"""

import asyncio
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.consent import ConsentRequest, ConsentScope, Grant
from dialback.domain.ids import GrantId, HostId, ResourceName, UserId, UserName
from dialback.domain.provider import PROVIDER, KeptGrant, Provider, Staff
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.identity.grants import SignedGrant, build, sign
from dialback.identity.host_keys import HostKey
from dialback.identity.tokens import hash_token, make_token
from dialback.wire.stream import STREAM_PATH, STREAM_UPGRADE
from tests.e2e.stage import DEADLINE_S, Stage, Wire

TOM = UserId("tom")
ANNA, BERT, MALLORY = HostKey.generate(), HostKey.generate(), HostKey.generate()
"""Two people of the tenant with a key each, and somebody with a key nobody trusts."""


@dataclass
class Way:
    """One attempt of the technician: what was asked, the token, and the connection once it is open."""

    request: ConsentRequest
    token: str
    wire: Wire | None = None
    refusal: dict[str, str] = field(default_factory=dict)

    async def echoes(self, text: bytes) -> bool:
        """Say whether the desktop says this back."""
        assert self.wire is not None
        self.wire.writer.write(text)
        async with asyncio.timeout(DEADLINE_S):
            return await self.wire.reader.readexactly(len(text)) == text

    async def end(self) -> float:
        """Wait for the end of the connection; return when it came, by the loop's clock."""
        assert self.wire is not None
        await self.wire.rest()
        return asyncio.get_running_loop().time()


class Visitor:
    """A technician of the provider, and the tenant whose host they want to reach."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @property
    def provider(self) -> Provider:
        return self.stage.store.provider

    async def begin(self, consent: str, **agent: Any) -> None:
        """Start a server, a technician who serves the tenant, and a host with this table of consent."""
        stage = self.stage
        await stage.desktop.start()
        await stage.start_server()
        await stage.enrol()
        settings = stage.agent_folder / "agent.toml"
        settings.write_text(settings.read_text() + consent)
        directory = stage.store.directory
        await directory.save_tenant(Tenant(PROVIDER, "Provider"))
        await directory.save(User(PROVIDER, TOM, UserName("tom")))
        await self.provider.save_staff(Staff(TOM, tenants=frozenset({MAIN})))
        await stage.start_agent(**agent)

    async def host(self) -> HostId:
        return (await self.stage.store.all_hosts())[0].id

    async def ask(self, **claims: Any) -> Way:
        """Ask for the desktop of the host, as the provider's API does."""
        request = ConsentRequest(
            id=secrets.token_hex(8),
            tenant=MAIN,
            host=await self.host(),
            staff="tom",
            role="technician",
            scope=ConsentScope.DESKTOP,
            target=self.stage.desktop.target,
            purpose="the printer",
            asked_at=datetime.now(UTC),
        )
        request = replace(request, **claims)
        await self.provider.ask_consent(request)
        return Way(request, await self.token(request))

    async def token(self, request: ConsentRequest, life: timedelta = timedelta(hours=1)) -> str:
        token, now = make_token(), datetime.now(UTC)
        await self.stage.store.save_token(
            ConnectionToken(
                hash_token(token),
                MAIN,
                TOM,
                UserName("tom"),
                ResourceName(request.id),
                now - timedelta(minutes=1),
                now + life,
                kind=TokenKind.PROVIDER,
            )
        )
        return token.reveal()

    async def connect(self, way: Way) -> Way:
        """Open the way as a redirector does; a refusal is kept in it."""
        wire = await self.stage.wire()
        headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", STREAM_UPGRADE),
            ("Authorization", f"Bearer {way.token}"),
        ]
        head = await wire.ask("GET", STREAM_PATH + way.request.id, headers)
        if head.status == 101:
            way.wire = wire
        else:
            body = await wire.rest()
            way.refusal = json.loads(body) if body else {"reason": "", "detail": ""}
        return way

    def connecting(self, way: Way) -> "asyncio.Task[Way]":
        """Begin to open the way."""
        return asyncio.create_task(self.connect(way))

    def grant(self, request: ConsentRequest, **changes: Any) -> Grant:
        """Return a grant of the tenant for the request, not signed."""
        now = datetime.now(UTC)
        made = Grant(
            id=GrantId(secrets.token_hex(8)),
            tenant=request.tenant,
            host=request.host,
            staff=request.staff,
            scopes=frozenset({request.scope}),
            targets=frozenset({request.target}),
            purpose=request.purpose,
            begins_at=now,
            until=now + timedelta(hours=1),
            approved_by="anna",
        )
        return replace(made, **changes)

    async def keep(self, request: ConsentRequest, grant: Grant, keys: Sequence[HostKey] = (ANNA,)) -> Grant:
        """Sign the grant and bring it to the platform."""
        signed: SignedGrant | None = None
        for key in keys:
            signed = sign(grant, key.public_bytes, key.sign, signed)
        assert signed is not None
        await self.keep_text(request, grant, build(signed), len(keys))
        return grant

    async def keep_text(self, request: ConsentRequest, grant: Grant, text: str, signatures: int = 1) -> None:
        kept = KeptGrant(request.tenant, grant.id, request.id, text, grant.until, signatures=signatures)
        assert await self.provider.save_grant(kept)

    async def open(self) -> tuple[Way, Grant]:
        """Open the desktop with a grant."""
        way = await self.ask()
        grant = await self.keep(way.request, self.grant(way.request))
        await self.connect(way)
        assert way.refusal == {}
        assert await way.echoes(b"hello")
        return way, grant


def table(*keys: HostKey, **settings: Any) -> str:
    """Return the text of a `[consent]` table that trusts these keys, or anna's."""
    trusted = [key.public_bytes.hex() for key in keys or (ANNA,)]
    lines = [f"{name} = {json.dumps(value)}" for name, value in {"keys": trusted, **settings}.items()]
    return "\n[consent]\n" + "\n".join(lines) + "\n"

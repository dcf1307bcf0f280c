"""Accounts in memory: for tests and trials, forgotten at the end of the process.

No method lets another run between reading and writing, so each is atomic within its event loop. Users are
those of a `MemoryDirectory`; what is kept of one who was removed is forgotten when it is next looked for.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from dialback.domain.accounts import (
    ApiToken,
    Credential,
    DeviceCode,
    ExternalIdentity,
    Invitation,
    SignIn,
    WorkspacePassword,
)
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import NotThere, VersionStale
from dialback.domain.ids import TenantId, TokenHash, UserId
from dialback.domain.tenancy import User
from dialback.store.memory_directory import MemoryDirectory

N = TypeVar("N", Credential, Invitation, SignIn, WorkspacePassword, ExternalIdentity)
D = TypeVar("D", SignIn, WorkspacePassword, ApiToken)
P = TypeVar("P", Invitation, SignIn, DeviceCode)
K = TypeVar("K", bound=Hashable)


class MemoryAccounts:
    """Implements `Accounts`; see there for what each method promises."""

    def __init__(self, directory: MemoryDirectory) -> None:
        self._directory = directory
        self._credentials: dict[tuple[TenantId, UserId], Credential] = {}
        self._invitations: dict[TokenHash, Invitation] = {}
        self._sign_ins: dict[TokenHash, SignIn] = {}
        self._passwords: dict[tuple[TenantId, str], WorkspacePassword] = {}
        self._codes: dict[TokenHash, DeviceCode] = {}
        self._tokens: dict[tuple[TenantId, str], ApiToken] = {}
        self._identities: dict[tuple[TenantId, str, str], ExternalIdentity] = {}

    async def credential(self, tenant: TenantId, user: UserId) -> Credential | None:
        return await self._kept(self._credentials, (tenant, user))

    async def save_credential(self, credential: Credential) -> Credential:
        key = (credential.tenant, credential.user)
        await self._need(*key)
        known = self._credentials.get(key)
        current = known.version if known else 0
        if credential.version not in (0, current):
            raise VersionStale("it was changed or removed in the meantime; read it again, then change it")
        self._credentials[key] = replace(credential, version=current + 1)
        return self._credentials[key]

    async def save_invitation(self, invitation: Invitation) -> None:
        await self._add(self._invitations, invitation.hash, invitation)
        whose = (invitation.tenant, invitation.user)
        for hash, other in list(self._invitations.items()):
            if (other.tenant, other.user) == whose and hash != invitation.hash:
                del self._invitations[hash]

    async def invitation(self, hash: TokenHash) -> Invitation | None:
        return await self._kept(self._invitations, hash)

    async def use_invitation(self, hash: TokenHash, now: datetime) -> Invitation | None:
        found = await self.invitation(hash)
        if found is None or found.used_at is not None or now >= found.expires_at:
            return None
        self._invitations[hash] = replace(found, used_at=now)
        return self._invitations[hash]

    async def end_invitations_of(self, tenant: TenantId, user: UserId) -> int:
        whose = (tenant, user)
        unused = [
            hash
            for hash, one in self._invitations.items()
            if (one.tenant, one.user) == whose and one.used_at is None
        ]
        for hash in unused:
            del self._invitations[hash]
        return len(unused)

    async def save_sign_in(self, sign_in: SignIn) -> None:
        await self._add(self._sign_ins, sign_in.hash, sign_in)

    async def sign_in(self, hash: TokenHash) -> SignIn | None:
        return await self._kept(self._sign_ins, hash)

    async def sign_ins_of(self, tenant: TenantId, user: UserId) -> Sequence[SignIn]:
        mine = await self._of(self._sign_ins, tenant, user)
        return _newest(one for one in mine if one.ended_at is None)

    async def last_sign_in(self, tenant: TenantId, user: UserId, address: str) -> SignIn | None:
        mine = await self._of(self._sign_ins, tenant, user)
        there = [one for one in mine if one.origin.address == address]
        return max(there, key=lambda one: (one.seen_at, one.hash), default=None)

    async def see_sign_in(self, tenant: TenantId, hash: TokenHash, now: datetime) -> None:
        found = self._sign_ins.get(hash)
        if found is not None and found.tenant == tenant and found.ended_at is None:
            self._sign_ins[hash] = replace(found, seen_at=now)

    async def end_sign_in(self, tenant: TenantId, hash: TokenHash, now: datetime) -> bool:
        found = await self.sign_in(hash)
        if found is None or found.tenant != tenant or found.ended_at is not None:
            return False
        self._sign_ins[hash] = replace(found, ended_at=now)
        return True

    async def forget_sign_in(self, tenant: TenantId, hash: TokenHash) -> None:
        found = self._sign_ins.get(hash)
        if found is not None and found.tenant == tenant:
            del self._sign_ins[hash]

    async def end_sign_ins_of(self, tenant: TenantId, user: UserId) -> int:
        approved = [code for code in self._codes.values() if (code.tenant, code.user) == (tenant, user)]
        for code in approved:
            if code.used_at is None:
                del self._codes[code.hash]
        mine = await self._of(self._sign_ins, tenant, user)
        for sign_in in mine:
            del self._sign_ins[sign_in.hash]
        return sum(one.ended_at is None for one in mine)

    async def save_workspace_password(self, password: WorkspacePassword) -> None:
        await self._add(self._passwords, (password.tenant, password.id), password)

    async def workspace_passwords(self, tenant: TenantId, user: UserId) -> Sequence[WorkspacePassword]:
        mine = await self._of(self._passwords, tenant, user)
        return _newest(one for one in mine if one.revoked_at is None)

    async def use_workspace_password(self, tenant: TenantId, id: str, now: datetime) -> bool:
        found = await self._kept(self._passwords, (tenant, id))
        if found is None or found.revoked_at is not None:
            return False
        self._passwords[tenant, id] = replace(found, used_at=now)
        return True

    async def revoke_workspace_password(self, tenant: TenantId, user: UserId, id: str, now: datetime) -> bool:
        found = await self._kept(self._passwords, (tenant, id))
        if found is None or found.user != user or found.revoked_at is not None:
            return False
        self._passwords[tenant, id] = replace(found, revoked_at=now)
        return True

    async def save_device_code(self, code: DeviceCode) -> None:
        if code.tenant is not None and code.user is not None:
            await self._need(code.tenant, code.user)
        _must_be_new(self._codes, code.hash)
        self._codes[code.hash] = code

    async def device_code(self, hash: TokenHash) -> DeviceCode | None:
        code = self._codes.get(hash)
        if code is None or code.tenant is None or code.user is None:
            return code
        if await self._is_there(code.tenant, code.user):
            return code
        del self._codes[hash]
        return None

    async def device_code_for(self, user_code: str, now: datetime) -> DeviceCode | None:
        found = [code for code in self._codes.values() if code.user_code == user_code and _waits(code, now)]
        return found[0] if len(found) == 1 else None

    async def approve_device_code(
        self, hash: TokenHash, tenant: TenantId, user: UserId, now: datetime
    ) -> bool:
        await self._need(tenant, user)
        return self._answer(hash, now, lambda code: replace(code, tenant=tenant, user=user))

    async def deny_device_code(self, hash: TokenHash, now: datetime) -> bool:
        return self._answer(hash, now, lambda code: replace(code, denied=True))

    async def use_device_code(self, hash: TokenHash, now: datetime) -> DeviceCode | None:
        code = await self.device_code(hash)
        if code is None or code.user is None or code.used_at is not None or now >= code.expires_at:
            return None
        self._codes[hash] = replace(code, used_at=now)
        return self._codes[hash]

    async def save_api_token(self, token: ApiToken) -> None:
        if await self._directory.tenant(token.tenant) is None:
            raise NotThere("there is no such tenant")
        if token.user is not None:
            await self._need(token.tenant, token.user)
        _must_be_new(self._tokens, (token.tenant, token.id))
        self._tokens[token.tenant, token.id] = token

    async def api_token(self, hash: TokenHash) -> ApiToken | None:
        found = [token for token in self._tokens.values() if token.hash == hash]
        return next(iter(await self._still_made(found)), None)

    async def api_tokens(self, tenant: TenantId) -> Sequence[ApiToken]:
        found = [token for token in self._tokens.values() if token.tenant == tenant]
        return _newest(await self._still_made(found))

    async def use_api_token(self, tenant: TenantId, id: str, now: datetime) -> None:
        found = self._tokens.get((tenant, id))
        if found is not None and found.revoked_at is None:
            self._tokens[tenant, id] = replace(found, used_at=now)

    async def revoke_api_token(self, tenant: TenantId, id: str, now: datetime) -> bool:
        found = self._tokens.get((tenant, id))
        if found is None or found.revoked_at is not None:
            return False
        self._tokens[tenant, id] = replace(found, revoked_at=now)
        return True

    async def save_identity(self, identity: ExternalIdentity) -> None:
        await self._need(identity.tenant, identity.user)
        self._identities[identity.tenant, identity.issuer, identity.subject] = identity

    async def save_first_identity(self, identity: ExternalIdentity) -> bool:
        await self._need(identity.tenant, identity.user)
        if await self.identities_of(identity.tenant, identity.user):
            return False
        await self.save_identity(identity)
        return True

    async def identity(self, tenant: TenantId, issuer: str, subject: str) -> ExternalIdentity | None:
        return await self._kept(self._identities, (tenant, issuer, subject))

    async def identities_of(self, tenant: TenantId, user: UserId) -> Sequence[ExternalIdentity]:
        mine = await self._of(self._identities, tenant, user)
        return sorted(mine, key=lambda one: (one.issuer, one.subject))

    async def prune_accounts(self, before: datetime) -> int:
        return (
            _prune(self._invitations, before) + _prune(self._sign_ins, before) + _prune(self._codes, before)
        )

    def _answer(self, hash: TokenHash, now: datetime, answered: Callable[[DeviceCode], DeviceCode]) -> bool:
        code = self._codes.get(hash)
        if code is None or not _waits(code, now):
            return False
        self._codes[hash] = answered(code)
        return True

    async def _still_made(self, tokens: Sequence[ApiToken]) -> list[ApiToken]:
        """Return the tokens but those whose maker is there no more, and forget these."""
        gone = [one for one in tokens if one.user and not await self._is_there(one.tenant, one.user)]
        for token in gone:
            del self._tokens[token.tenant, token.id]
        return [token for token in tokens if token not in gone]

    async def _add(self, kept: dict[K, N], key: K, noun: N) -> None:
        await self._need(noun.tenant, noun.user)
        _must_be_new(kept, key)
        kept[key] = noun

    async def _kept(self, kept: dict[K, N], key: K) -> N | None:
        """Return what is under the key, if its user is still there."""
        found = kept.get(key)
        if found is not None and not await self._is_there(found.tenant, found.user):
            del kept[key]
            return None
        return found

    async def _of(self, kept: dict[K, N], tenant: TenantId, user: UserId) -> list[N]:
        mine = [key for key, one in kept.items() if (one.tenant, one.user) == (tenant, user)]
        return [one for key in mine if (one := await self._kept(kept, key)) is not None]

    async def _is_there(self, tenant: TenantId, user: UserId) -> bool:
        return await self._directory.get(User, tenant, user) is not None

    async def _need(self, tenant: TenantId, user: UserId) -> None:
        if not await self._is_there(tenant, user):
            raise NotThere("the user is not in the tenant")


def _must_be_new(kept: dict[Any, Any], key: Hashable) -> None:
    if key in kept:
        raise StoreUnavailable("the store has a row of this id already; try again with a new one")


def _waits(code: DeviceCode, now: datetime) -> bool:
    return code.user is None and not code.denied and now < code.expires_at


def _prune(kept: dict[TokenHash, P], before: datetime) -> int:
    over = [hash for hash, one in kept.items() if _over_at(one) < before]
    for hash in over:
        del kept[hash]
    return len(over)


def _over_at(one: Invitation | SignIn | DeviceCode) -> datetime:
    """Return when it ended, or will."""
    ended_at = one.ended_at if isinstance(one, SignIn) else one.used_at
    return one.expires_at if ended_at is None else min(ended_at, one.expires_at)


def _newest(nouns: Iterable[D]) -> list[D]:
    return sorted(
        nouns, key=lambda one: (one.created_at, one.hash if isinstance(one, SignIn) else one.id), reverse=True
    )

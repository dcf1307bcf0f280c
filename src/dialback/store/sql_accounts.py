"""Accounts in a database, in SQL that SQLite and PostgreSQL share.

What must happen once (using an invitation, a device code) and what must not come back (an ended sign-in) is
one conditional UPDATE, whose row count says who won. That a user is there is decided by the foreign keys of
`store/accounts_models.py`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from dialback.domain.accounts import (
    ApiToken,
    Credential,
    DeviceCode,
    ExternalIdentity,
    Invitation,
    SignIn,
    WorkspacePassword,
)
from dialback.domain.directory import NotThere, VersionStale
from dialback.domain.ids import TenantId, TokenHash, UserId
from dialback.store import accounts_rows as rows
from dialback.store.accounts_models import (
    api_tokens,
    credentials,
    device_codes,
    external_identities,
    invitations,
    sign_ins,
    workspace_passwords,
)
from dialback.store.database import Database, first, translating
from dialback.store.directory_models import users
from dialback.store.rows import Row, each


class SqlAccounts(Database):
    """Implements `Accounts` over an engine whose database has the current schema; see `store/open.py`."""

    async def credential(self, tenant: TenantId, user: UserId) -> Credential | None:
        row = await self._read_first(select(credentials).where(_of(credentials, tenant, user)))
        return None if row is None else rows.credential_of(row)

    async def save_credential(self, credential: Credential) -> Credential:
        async with translating(), _of_somebody():
            try:
                version = await self._put_credential(credential)
            except IntegrityError as error:
                if _lacks_user(error):
                    raise
                # Another node added it in between; SQLite, which lets one write at a time, never comes here.
                version = await self._put_credential(credential)
        return replace(credential, version=version)

    async def save_invitation(self, invitation: Invitation) -> None:
        others = and_(
            _of(invitations, invitation.tenant, invitation.user), invitations.c.hash != invitation.hash
        )
        async with translating(), _of_somebody(), self._engine.begin() as connection:
            await connection.execute(delete(invitations).where(others))
            await connection.execute(insert(invitations).values(asdict(invitation)))

    async def invitation(self, hash: TokenHash) -> Invitation | None:
        row = await self._read_first(select(invitations).where(invitations.c.hash == hash))
        return None if row is None else rows.invitation_of(row)

    async def use_invitation(self, hash: TokenHash, now: datetime) -> Invitation | None:
        good = and_(
            invitations.c.hash == hash, invitations.c.used_at.is_(None), invitations.c.expires_at > now
        )
        row = await self._change(invitations, good, {"used_at": now})
        return None if row is None else rows.invitation_of(row)

    async def end_invitations_of(self, tenant: TenantId, user: UserId) -> int:
        unused = and_(_of(invitations, tenant, user), invitations.c.used_at.is_(None))
        return await self._write(delete(invitations).where(unused))

    async def save_sign_in(self, sign_in: SignIn) -> None:
        await self._add(sign_ins, rows.sign_in_row(sign_in))

    async def sign_in(self, hash: TokenHash) -> SignIn | None:
        row = await self._read_first(select(sign_ins).where(sign_ins.c.hash == hash))
        return None if row is None else rows.sign_in_of(row)

    async def sign_ins_of(self, tenant: TenantId, user: UserId) -> Sequence[SignIn]:
        mine = and_(_of(sign_ins, tenant, user), sign_ins.c.ended_at.is_(None))
        newest = select(sign_ins).where(mine).order_by(sign_ins.c.created_at.desc(), sign_ins.c.hash.desc())
        return each(rows.sign_in_of, await self._read(newest))

    async def last_sign_in(self, tenant: TenantId, user: UserId, address: str) -> SignIn | None:
        mine = and_(_of(sign_ins, tenant, user), sign_ins.c.address == address)
        last = select(sign_ins).where(mine).order_by(sign_ins.c.seen_at.desc(), sign_ins.c.hash.desc())
        row = await self._read_first(last.limit(1))
        return None if row is None else rows.sign_in_of(row)

    async def see_sign_in(self, tenant: TenantId, hash: TokenHash, now: datetime) -> None:
        await self._write(update(sign_ins).where(_goes_on(tenant, hash)).values(seen_at=now))

    async def end_sign_in(self, tenant: TenantId, hash: TokenHash, now: datetime) -> bool:
        ended = update(sign_ins).where(_goes_on(tenant, hash)).values(ended_at=now)
        return await self._write(ended) > 0

    async def forget_sign_in(self, tenant: TenantId, hash: TokenHash) -> None:
        same = and_(sign_ins.c.tenant == tenant, sign_ins.c.hash == hash)
        await self._write(delete(sign_ins).where(same))

    async def end_sign_ins_of(self, tenant: TenantId, user: UserId) -> int:
        mine = _of(sign_ins, tenant, user)
        approved = and_(_of(device_codes, tenant, user), device_codes.c.used_at.is_(None))
        async with self._transaction() as connection:
            ended = await connection.execute(delete(sign_ins).where(mine, sign_ins.c.ended_at.is_(None)))
            await connection.execute(delete(sign_ins).where(mine))
            await connection.execute(delete(device_codes).where(approved))
        return int(ended.rowcount)

    async def save_workspace_password(self, password: WorkspacePassword) -> None:
        await self._add(workspace_passwords, rows.workspace_password_row(password))

    async def workspace_passwords(self, tenant: TenantId, user: UserId) -> Sequence[WorkspacePassword]:
        table = workspace_passwords
        mine = and_(_of(table, tenant, user), table.c.revoked_at.is_(None))
        newest = select(table).where(mine).order_by(table.c.created_at.desc(), table.c.id.desc())
        return each(rows.workspace_password_of, await self._read(newest))

    async def use_workspace_password(self, tenant: TenantId, id: str, now: datetime) -> bool:
        used = update(workspace_passwords).where(_good(workspace_passwords, tenant, id)).values(used_at=now)
        return await self._write(used) > 0

    async def revoke_workspace_password(self, tenant: TenantId, user: UserId, id: str, now: datetime) -> bool:
        table = workspace_passwords
        theirs = and_(_good(table, tenant, id), table.c.user == user)
        return await self._write(update(table).where(theirs).values(revoked_at=now)) > 0

    async def save_device_code(self, code: DeviceCode) -> None:
        await self._add(device_codes, rows.device_code_row(code))

    async def device_code(self, hash: TokenHash) -> DeviceCode | None:
        row = await self._read_first(select(device_codes).where(device_codes.c.hash == hash))
        return None if row is None else rows.device_code_of(row)

    async def device_code_for(self, user_code: str, now: datetime) -> DeviceCode | None:
        waiting = and_(device_codes.c.user_code == user_code, _waits(now))
        found = await self._read(select(device_codes).where(waiting).limit(2))
        return rows.device_code_of(found[0]) if len(found) == 1 else None

    async def approve_device_code(
        self, hash: TokenHash, tenant: TenantId, user: UserId, now: datetime
    ) -> bool:
        same = and_(device_codes.c.hash == hash, _waits(now))
        return await self._change(device_codes, same, {"tenant": tenant, "user": user}) is not None

    async def deny_device_code(self, hash: TokenHash, now: datetime) -> bool:
        same = and_(device_codes.c.hash == hash, _waits(now))
        return await self._change(device_codes, same, {"denied": True}) is not None

    async def use_device_code(self, hash: TokenHash, now: datetime) -> DeviceCode | None:
        approved = and_(
            device_codes.c.hash == hash,
            device_codes.c.user.is_not(None),
            device_codes.c.used_at.is_(None),
            device_codes.c.expires_at > now,
        )
        row = await self._change(device_codes, approved, {"used_at": now})
        return None if row is None else rows.device_code_of(row)

    async def save_api_token(self, token: ApiToken) -> None:
        await self._add(api_tokens, rows.api_token_row(token))

    async def api_token(self, hash: TokenHash) -> ApiToken | None:
        row = await self._read_first(select(api_tokens).where(api_tokens.c.hash == hash))
        return None if row is None else rows.api_token_of(row)

    async def api_tokens(self, tenant: TenantId) -> Sequence[ApiToken]:
        newest = select(api_tokens).where(api_tokens.c.tenant == tenant)
        found = await self._read(newest.order_by(api_tokens.c.created_at.desc(), api_tokens.c.id.desc()))
        return each(rows.api_token_of, found)

    async def use_api_token(self, tenant: TenantId, id: str, now: datetime) -> None:
        await self._write(update(api_tokens).where(_good(api_tokens, tenant, id)).values(used_at=now))

    async def revoke_api_token(self, tenant: TenantId, id: str, now: datetime) -> bool:
        revoked = update(api_tokens).where(_good(api_tokens, tenant, id)).values(revoked_at=now)
        return await self._write(revoked) > 0

    async def save_identity(self, identity: ExternalIdentity) -> None:
        async with translating(), _of_somebody():
            await self._save(external_identities, asdict(identity))

    async def save_first_identity(self, identity: ExternalIdentity) -> bool:
        tenant, user = identity.tenant, identity.user
        known = select(external_identities.c.user).where(_of(external_identities, tenant, user))
        # Changes nothing, and holds the user's row until the end: others who claim them wait.
        held = (
            update(users).where(users.c.tenant == tenant, users.c.id == user).values(version=users.c.version)
        )
        async with translating(), _of_somebody(), self._engine.begin() as connection:
            await connection.execute(held)
            if await first(connection, known) is not None:
                return False
            await connection.execute(insert(external_identities).values(asdict(identity)))
        return True

    async def identity(self, tenant: TenantId, issuer: str, subject: str) -> ExternalIdentity | None:
        query = select(external_identities).where(_identity(tenant, issuer, subject))
        row = await self._read_first(query)
        return None if row is None else rows.identity_of(row)

    async def identities_of(self, tenant: TenantId, user: UserId) -> Sequence[ExternalIdentity]:
        table = external_identities
        mine = select(table).where(_of(table, tenant, user)).order_by(table.c.issuer, table.c.subject)
        return each(rows.identity_of, await self._read(mine))

    async def prune_accounts(self, before: datetime) -> int:
        forgotten = 0
        for table, ended in (
            (sign_ins, sign_ins.c.ended_at),
            (invitations, invitations.c.used_at),
            (device_codes, device_codes.c.used_at),
        ):
            over = or_(table.c.expires_at < before, ended < before)
            forgotten += await self._write(delete(table).where(over))
        return forgotten

    async def _add(self, table: Table, values: dict[str, Any]) -> None:
        async with translating(), _of_somebody():
            await self._carry_out(insert(table), values)

    async def _change(self, table: Table, which: ColumnElement[bool], values: dict[str, Any]) -> Row | None:
        """Change the row and return it; None if there is none."""
        async with translating(), _of_somebody(), self._engine.begin() as connection:
            return await first(connection, update(table).where(which).values(values).returning(table))

    async def _put_credential(self, credential: Credential) -> int:
        """Put the row in place, or add it; return its new version."""
        version, values = credential.version, rows.credential_row(credential)
        same = _of(credentials, credential.tenant, credential.user)
        expected = [credentials.c.version == version] if version else []
        change = update(credentials).where(same, *expected)
        async with self._engine.begin() as connection:
            row = await first(
                connection,
                change.values(**values, version=credentials.c.version + 1).returning(credentials.c.version),
            )
            if row is not None:
                return int(row["version"])
            if version:
                raise VersionStale("it was changed or removed in the meantime; read it again, then change it")
            await connection.execute(insert(credentials).values(**values, version=1))
            return 1


@asynccontextmanager
async def _of_somebody() -> AsyncIterator[None]:
    """Say in words that a row refers to nobody."""
    try:
        yield
    except IntegrityError as error:
        if _lacks_user(error):
            raise NotThere("the user is not in the tenant") from error
        raise


def _lacks_user(error: IntegrityError) -> bool:
    # The lines after the first hold values, which may say anything.
    return "foreign key" in str(error.orig).partition("\n")[0].lower()


def _of(table: Table, tenant: TenantId, user: UserId) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.user == user)


def _goes_on(tenant: TenantId, hash: TokenHash) -> ColumnElement[bool]:
    return and_(sign_ins.c.tenant == tenant, sign_ins.c.hash == hash, sign_ins.c.ended_at.is_(None))


def _good(table: Table, tenant: TenantId, id: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.id == id, table.c.revoked_at.is_(None))


def _waits(now: datetime) -> ColumnElement[bool]:
    return and_(device_codes.c.user.is_(None), ~device_codes.c.denied, device_codes.c.expires_at > now)


def _identity(tenant: TenantId, issuer: str, subject: str) -> ColumnElement[bool]:
    table = external_identities
    return and_(table.c.tenant == tenant, table.c.issuer == issuer, table.c.subject == subject)

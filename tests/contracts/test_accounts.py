"""The contract of `Accounts`: one suite that every implementation passes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.domain.accounts import (
    Accounts,
    ApiToken,
    Credential,
    DeviceCode,
    ExternalIdentity,
    Invitation,
    Origin,
    Scope,
    SignIn,
    SignInKind,
    WorkspacePassword,
)
from dialback.domain.directory import Directory, NotThere, VersionStale
from dialback.domain.ids import TenantId, TokenHash, UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import Tenant, User
from dialback.store.memory_accounts import MemoryAccounts
from dialback.store.memory_directory import MemoryDirectory
from dialback.store.sql import SqlStore
from tests.contracts.openers import OPENERS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
ACME, OTHER = TenantId("acme"), TenantId("other")
ANNA, BEN, NOBODY = UserId("u1"), UserId("u2"), UserId("nobody")
HERE = Origin("192.0.2.1", "Browser 𝄞")
CREDENTIAL = Credential(ACME, ANNA, "$argon2id$…")
FULL_CREDENTIAL = Credential(
    ACME,
    ANNA,
    "$argon2id$…",
    Secret("JBSWY3DPEHPK3PXP"),
    2**40,
    frozenset({TokenHash("r1"), TokenHash("r2")}),
    7,
    NOW,
)


def hashed(text: str) -> TokenHash:
    """Return something of the shape of a hash."""
    return TokenHash(text.ljust(64, "0"))


INVITATION = Invitation(hashed("i"), ACME, ANNA, NOW + HOUR)
SIGN_IN = SignIn(hashed("s"), ACME, ANNA, SignInKind.BROWSER, "password and code", NOW, NOW, NOW + HOUR, HERE)
PASSWORD = WorkspacePassword(ACME, "w1", ANNA, "Änne's phone", Secret("0" * 32), NOW)
CODE = DeviceCode(hashed("d"), "BCDFGHJK", HERE, NOW + HOUR)
TOKEN = ApiToken(ACME, "t1", hashed("t"), "backup", frozenset(Scope), UserName("anna"), NOW, NOW + HOUR)
ANNAS_TOKEN = replace(TOKEN, id="t9", hash=hashed("t9"), user=ANNA)
IDENTITY = ExternalIdentity(ACME, "https://login.example/", "subject-1", ANNA)


@dataclass
class World:
    """Accounts, and the directory that knows their users."""

    accounts: Accounts
    directory: Directory


@pytest.fixture(params=OPENERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Return accounts of each kind in turn, in which nothing is kept of two users in each of two tenants."""
    store, directory = await OPENERS[request.param](request)
    for tenant in (ACME, OTHER):
        await directory.save_tenant(Tenant(tenant, tenant.title()))
        for id in (ANNA, BEN):
            await directory.save(User(tenant, id, UserName(f"name of {id}")))
    if isinstance(store, SqlStore):
        yield World(store.accounts, directory)
        await store.close()
    else:
        assert isinstance(directory, MemoryDirectory)
        yield World(MemoryAccounts(directory), directory)


@pytest.fixture
def accounts(world: World) -> Accounts:
    """Return the accounts alone."""
    return world.accounts


async def keep_all(accounts: Accounts) -> None:
    """Keep one of each kind for Anna of Acme."""
    await accounts.save_credential(FULL_CREDENTIAL)
    await accounts.save_invitation(INVITATION)
    await accounts.save_sign_in(SIGN_IN)
    await accounts.save_workspace_password(PASSWORD)
    await accounts.save_device_code(CODE)
    await accounts.approve_device_code(CODE.hash, ACME, ANNA, NOW)
    await accounts.save_api_token(TOKEN)
    await accounts.save_api_token(ANNAS_TOKEN)
    await accounts.save_identity(IDENTITY)


# Credentials.


@pytest.mark.parametrize("credential", [CREDENTIAL, FULL_CREDENTIAL])
async def test_credential_comes_back_as_it_was(accounts: Accounts, credential: Credential) -> None:
    assert await accounts.credential(ACME, ANNA) is None
    saved = await accounts.save_credential(credential)
    assert saved.version == 1
    found = await accounts.credential(ACME, ANNA)
    assert found == credential
    assert found is not None
    assert found.version == 1


async def test_credential_changes_by_the_newest_version_alone(accounts: Accounts) -> None:
    first = await accounts.save_credential(CREDENTIAL)
    second = await accounts.save_credential(replace(first, failures=1))
    assert second.version == 2
    with pytest.raises(VersionStale):
        await accounts.save_credential(replace(first, failures=2))
    assert (await accounts.save_credential(replace(CREDENTIAL, failures=3))).version == 3
    assert await accounts.credential(ACME, ANNA) == replace(CREDENTIAL, failures=3)


async def test_credential_with_a_version_that_is_not_there_is_stale(accounts: Accounts) -> None:
    with pytest.raises(VersionStale):
        await accounts.save_credential(replace(CREDENTIAL, version=1))


async def test_of_changes_at_once_one_is_kept(accounts: Accounts) -> None:
    read = await accounts.save_credential(CREDENTIAL)
    changes = [accounts.save_credential(replace(read, failures=each)) for each in range(1, 6)]
    answers = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(answer, Credential) for answer in answers) == 1
    assert sum(isinstance(answer, VersionStale) for answer in answers) == 4


async def test_first_credentials_at_once_are_one(accounts: Accounts) -> None:
    await asyncio.gather(*(accounts.save_credential(CREDENTIAL) for _ in range(5)))
    found = await accounts.credential(ACME, ANNA)
    assert found is not None
    assert found.version == 5


# Invitations.


async def test_invitation_is_used_once(accounts: Accounts) -> None:
    await accounts.save_invitation(INVITATION)
    assert await accounts.invitation(INVITATION.hash) == INVITATION
    answers = await asyncio.gather(*(accounts.use_invitation(INVITATION.hash, NOW) for _ in range(4)))
    used = replace(INVITATION, used_at=NOW)
    assert [answer for answer in answers if answer is not None] == [used]
    assert await accounts.invitation(INVITATION.hash) == used


async def test_invitation_is_used_up_to_its_end(accounts: Accounts) -> None:
    await accounts.save_invitation(INVITATION)
    assert await accounts.use_invitation(INVITATION.hash, INVITATION.expires_at) is None
    assert await accounts.use_invitation(hashed("x"), NOW) is None
    assert await accounts.use_invitation(INVITATION.hash, INVITATION.expires_at - SECOND) is not None


async def test_unused_invitation_of_the_user_alone_is_ended(accounts: Accounts) -> None:
    theirs = replace(INVITATION, hash=hashed("theirs"), user=BEN)
    elsewhere = replace(INVITATION, hash=hashed("elsewhere"), tenant=OTHER)
    for invitation in (INVITATION, theirs, elsewhere):
        await accounts.save_invitation(invitation)
    await accounts.use_invitation(theirs.hash, NOW)
    assert await accounts.end_invitations_of(ACME, ANNA) == 1
    assert await accounts.end_invitations_of(ACME, ANNA) == await accounts.end_invitations_of(ACME, BEN) == 0
    assert await accounts.invitation(INVITATION.hash) is None
    assert await accounts.use_invitation(INVITATION.hash, NOW) is None
    assert await accounts.invitation(theirs.hash) == replace(theirs, used_at=NOW)
    assert await accounts.invitation(elsewhere.hash) == elsewhere


async def test_new_invitation_ends_older_ones_of_the_user_alone(accounts: Accounts) -> None:
    theirs = replace(INVITATION, hash=hashed("b"), user=BEN)
    elsewhere = replace(INVITATION, hash=hashed("o"), tenant=OTHER)
    for invitation in (INVITATION, theirs, elsewhere):
        await accounts.save_invitation(invitation)
    newer = replace(INVITATION, hash=hashed("n"))
    await accounts.save_invitation(newer)
    assert await accounts.invitation(INVITATION.hash) is None
    for invitation in (newer, theirs, elsewhere):
        assert await accounts.invitation(invitation.hash) == invitation


# Sign-ins.


@pytest.mark.parametrize("kind", list(SignInKind))
async def test_sign_in_comes_back_as_it_was(accounts: Accounts, kind: SignInKind) -> None:
    sign_in = replace(SIGN_IN, kind=kind, ended_at=NOW)
    await accounts.save_sign_in(sign_in)
    assert await accounts.sign_in(sign_in.hash) == sign_in
    assert await accounts.sign_in(hashed("x")) is None


async def test_sign_ins_of_a_user_are_those_that_go_on(accounts: Accounts) -> None:
    later = replace(SIGN_IN, hash=hashed("l"), created_at=NOW + SECOND)
    ended = replace(SIGN_IN, hash=hashed("e"), ended_at=NOW)
    for sign_in in (SIGN_IN, later, ended, replace(SIGN_IN, hash=hashed("b"), user=BEN)):
        await accounts.save_sign_in(sign_in)
    assert await accounts.sign_ins_of(ACME, ANNA) == [later, SIGN_IN]
    assert await accounts.sign_ins_of(OTHER, ANNA) == []


async def test_last_sign_in_from_an_address_is_the_one_seen_last(accounts: Accounts) -> None:
    ended = replace(SIGN_IN, hash=hashed("e"), seen_at=NOW + SECOND, ended_at=NOW + SECOND)
    elsewhere = replace(SIGN_IN, hash=hashed("f"), seen_at=NOW + HOUR, origin=Origin("192.0.2.2"))
    for sign_in in (SIGN_IN, ended, elsewhere):
        await accounts.save_sign_in(sign_in)
    assert await accounts.last_sign_in(ACME, ANNA, HERE.address) == ended
    assert await accounts.last_sign_in(ACME, BEN, HERE.address) is None
    assert await accounts.last_sign_in(ACME, ANNA, "192.0.2.3") is None


async def test_ended_sign_in_stays_ended(accounts: Accounts) -> None:
    await accounts.save_sign_in(SIGN_IN)
    await accounts.see_sign_in(ACME, SIGN_IN.hash, NOW + SECOND)
    seen = replace(SIGN_IN, seen_at=NOW + SECOND)
    assert await accounts.sign_in(SIGN_IN.hash) == seen
    assert await accounts.end_sign_in(ACME, SIGN_IN.hash, NOW + SECOND)
    assert not await accounts.end_sign_in(ACME, SIGN_IN.hash, NOW + HOUR)
    await accounts.see_sign_in(ACME, SIGN_IN.hash, NOW + HOUR)
    assert await accounts.sign_in(SIGN_IN.hash) == replace(seen, ended_at=NOW + SECOND)


async def test_all_sign_ins_of_a_user_end_together(accounts: Accounts) -> None:
    for sign_in in (
        SIGN_IN,
        replace(SIGN_IN, hash=hashed("2")),
        replace(SIGN_IN, hash=hashed("b"), user=BEN),
    ):
        await accounts.save_sign_in(sign_in)
    assert await accounts.end_sign_ins_of(ACME, ANNA) == 2
    assert await accounts.sign_ins_of(ACME, ANNA) == []
    assert len(await accounts.sign_ins_of(ACME, BEN)) == 1
    assert await accounts.end_sign_ins_of(ACME, ANNA) == 0


async def test_revoked_sign_in_says_no_more_where_its_user_is(accounts: Accounts) -> None:
    later = replace(SIGN_IN, hash=hashed("l"), seen_at=NOW + SECOND)
    for sign_in in (SIGN_IN, later):
        await accounts.save_sign_in(sign_in)
    await accounts.forget_sign_in(ACME, later.hash)
    assert await accounts.sign_in(later.hash) is None
    assert await accounts.last_sign_in(ACME, ANNA, HERE.address) == SIGN_IN
    await accounts.see_sign_in(ACME, later.hash, NOW + HOUR)
    await accounts.forget_sign_in(ACME, later.hash)
    assert await accounts.last_sign_in(ACME, ANNA, HERE.address) == SIGN_IN


async def test_no_sign_in_says_where_a_user_is_once_all_were_ended(accounts: Accounts) -> None:
    signed_out = replace(SIGN_IN, hash=hashed("o"), ended_at=NOW)
    theirs = replace(SIGN_IN, hash=hashed("b"), user=BEN)
    for sign_in in (SIGN_IN, signed_out, theirs):
        await accounts.save_sign_in(sign_in)
    assert await accounts.end_sign_ins_of(ACME, ANNA) == 1
    assert await accounts.last_sign_in(ACME, ANNA, HERE.address) is None
    assert await accounts.last_sign_in(ACME, BEN, HERE.address) == theirs


async def test_device_code_that_would_open_a_sign_in_ends_with_them(accounts: Accounts) -> None:
    theirs = replace(CODE, hash=hashed("b"), user_code="BBBBBBBB")
    for code, user in ((CODE, ANNA), (theirs, BEN)):
        await accounts.save_device_code(code)
        assert await accounts.approve_device_code(code.hash, ACME, user, NOW)

    assert await accounts.end_sign_ins_of(ACME, ANNA) == 0
    assert await accounts.use_device_code(CODE.hash, NOW) is None
    assert await accounts.use_device_code(theirs.hash, NOW) is not None


# Workspace passwords.


async def test_workspace_passwords_are_listed_newest_first_until_revoked(accounts: Accounts) -> None:
    later = replace(PASSWORD, id="w0", created_at=NOW + SECOND)
    for password in (PASSWORD, later, replace(PASSWORD, id="b", user=BEN)):
        await accounts.save_workspace_password(password)
    assert await accounts.workspace_passwords(ACME, ANNA) == [later, PASSWORD]
    assert await accounts.use_workspace_password(ACME, PASSWORD.id, NOW)
    assert await accounts.revoke_workspace_password(ACME, ANNA, later.id, NOW)
    assert await accounts.workspace_passwords(ACME, ANNA) == [replace(PASSWORD, used_at=NOW)]
    assert not await accounts.use_workspace_password(ACME, later.id, NOW)
    assert not await accounts.revoke_workspace_password(ACME, ANNA, later.id, NOW)


async def test_workspace_password_of_another_is_not_revoked(accounts: Accounts) -> None:
    await accounts.save_workspace_password(PASSWORD)
    assert not await accounts.revoke_workspace_password(ACME, BEN, PASSWORD.id, NOW)
    assert not await accounts.revoke_workspace_password(OTHER, ANNA, PASSWORD.id, NOW)
    assert await accounts.workspace_passwords(ACME, ANNA) == [PASSWORD]


# Device codes.


async def test_device_code_waits_until_it_is_approved_and_used_once(accounts: Accounts) -> None:
    await accounts.save_device_code(CODE)
    assert await accounts.device_code(CODE.hash) == CODE
    assert await accounts.device_code_for(CODE.user_code, NOW) == CODE
    assert await accounts.use_device_code(CODE.hash, NOW) is None
    assert await accounts.approve_device_code(CODE.hash, ACME, ANNA, NOW)
    assert await accounts.device_code_for(CODE.user_code, NOW) is None
    answers = await asyncio.gather(*(accounts.use_device_code(CODE.hash, NOW) for _ in range(4)))
    used = replace(CODE, tenant=ACME, user=ANNA, used_at=NOW)
    assert [answer for answer in answers if answer is not None] == [used]


async def test_device_code_is_answered_once(accounts: Accounts) -> None:
    await accounts.save_device_code(CODE)
    assert await accounts.deny_device_code(CODE.hash, NOW)
    assert not await accounts.approve_device_code(CODE.hash, ACME, ANNA, NOW)
    assert await accounts.device_code(CODE.hash) == replace(CODE, denied=True)
    other = replace(CODE, hash=hashed("o"))
    await accounts.save_device_code(other)
    assert await accounts.approve_device_code(other.hash, ACME, ANNA, NOW)
    assert not await accounts.approve_device_code(other.hash, ACME, BEN, NOW)
    assert not await accounts.deny_device_code(other.hash, NOW)
    assert await accounts.device_code(other.hash) == replace(other, tenant=ACME, user=ANNA)


async def test_expired_device_code_is_good_for_nothing(accounts: Accounts) -> None:
    await accounts.save_device_code(CODE)
    end = CODE.expires_at
    assert await accounts.device_code_for(CODE.user_code, end) is None
    assert not await accounts.approve_device_code(CODE.hash, ACME, ANNA, end)
    assert not await accounts.deny_device_code(CODE.hash, end)
    assert await accounts.approve_device_code(CODE.hash, ACME, ANNA, end - SECOND)
    assert await accounts.use_device_code(CODE.hash, end) is None


async def test_code_under_which_two_wait_names_none(accounts: Accounts) -> None:
    await accounts.save_device_code(CODE)
    await accounts.save_device_code(replace(CODE, hash=hashed("2")))
    assert await accounts.device_code_for(CODE.user_code, NOW) is None


# API tokens.


@pytest.mark.parametrize("token", [TOKEN, ANNAS_TOKEN, replace(TOKEN, scopes=frozenset(), expires_at=None)])
async def test_api_token_comes_back_as_it_was(accounts: Accounts, token: ApiToken) -> None:
    await accounts.save_api_token(token)
    assert await accounts.api_token(token.hash) == token
    assert await accounts.api_token(hashed("x")) is None


async def test_api_tokens_are_of_their_tenant(accounts: Accounts) -> None:
    later = replace(TOKEN, id="t2", hash=hashed("t2"), created_at=NOW + SECOND)
    elsewhere = replace(TOKEN, tenant=OTHER, hash=hashed("t3"))
    for token in (TOKEN, later, elsewhere):
        await accounts.save_api_token(token)
    assert await accounts.api_tokens(ACME) == [later, TOKEN]
    assert await accounts.revoke_api_token(OTHER, TOKEN.id, NOW)
    assert await accounts.api_tokens(ACME) == [later, TOKEN]
    assert await accounts.api_tokens(OTHER) == [replace(elsewhere, revoked_at=NOW)]


async def test_revoked_api_token_stays_revoked(accounts: Accounts) -> None:
    await accounts.save_api_token(TOKEN)
    await accounts.use_api_token(ACME, TOKEN.id, NOW)
    assert await accounts.revoke_api_token(ACME, TOKEN.id, NOW)
    assert not await accounts.revoke_api_token(ACME, TOKEN.id, NOW + SECOND)
    await accounts.use_api_token(ACME, TOKEN.id, NOW + SECOND)
    assert await accounts.api_token(TOKEN.hash) == replace(TOKEN, used_at=NOW, revoked_at=NOW)
    assert not await accounts.revoke_api_token(ACME, "nothing", NOW)


# Identities.


async def test_identity_is_the_newest_that_was_kept(accounts: Accounts) -> None:
    await accounts.save_identity(IDENTITY)
    assert await accounts.identity(ACME, IDENTITY.issuer, IDENTITY.subject) == IDENTITY
    moved = replace(IDENTITY, user=BEN)
    await accounts.save_identity(moved)
    assert await accounts.identity(ACME, IDENTITY.issuer, IDENTITY.subject) == moved
    assert await accounts.identities_of(ACME, ANNA) == []
    assert await accounts.identities_of(ACME, BEN) == [moved]


async def test_of_providers_that_claim_a_user_at_once_one_is_kept(accounts: Accounts) -> None:
    claims = [replace(IDENTITY, subject=f"subject-{each}") for each in range(5)]
    answers = await asyncio.gather(*(accounts.save_first_identity(claim) for claim in claims))
    assert answers.count(True) == 1
    assert await accounts.identities_of(ACME, ANNA) == [claims[answers.index(True)]]
    assert not await accounts.save_first_identity(IDENTITY)
    assert await accounts.save_first_identity(replace(IDENTITY, user=BEN, subject="ben"))


async def test_identity_is_told_apart_by_every_part(accounts: Accounts) -> None:
    await accounts.save_identity(IDENTITY)
    assert await accounts.identity(OTHER, IDENTITY.issuer, IDENTITY.subject) is None
    assert await accounts.identity(ACME, IDENTITY.issuer.upper(), IDENTITY.subject) is None
    assert await accounts.identity(ACME, IDENTITY.issuer, IDENTITY.subject.upper()) is None


# Users.

KEPT: list[Callable[[Accounts], Awaitable[object]]] = [
    lambda accounts: accounts.save_credential(replace(CREDENTIAL, user=NOBODY)),
    lambda accounts: accounts.save_invitation(replace(INVITATION, user=NOBODY)),
    lambda accounts: accounts.save_sign_in(replace(SIGN_IN, user=NOBODY)),
    lambda accounts: accounts.save_workspace_password(replace(PASSWORD, user=NOBODY)),
    lambda accounts: accounts.approve_device_code(CODE.hash, ACME, NOBODY, NOW),
    lambda accounts: accounts.save_identity(replace(IDENTITY, user=NOBODY)),
    lambda accounts: accounts.save_first_identity(replace(IDENTITY, user=NOBODY)),
    lambda accounts: accounts.save_api_token(replace(TOKEN, tenant=TenantId("nowhere"))),
    lambda accounts: accounts.save_api_token(replace(TOKEN, user=NOBODY)),
]


async def test_nothing_is_kept_of_who_is_not_there(accounts: Accounts) -> None:
    await accounts.save_device_code(CODE)
    for keep in KEPT:
        with pytest.raises(NotThere):
            await keep(accounts)


async def test_what_is_a_users_goes_with_the_user(world: World) -> None:
    accounts = world.accounts
    await keep_all(accounts)
    await world.directory.remove(User, ACME, ANNA)
    assert await accounts.credential(ACME, ANNA) is None
    assert await accounts.invitation(INVITATION.hash) is None
    assert await accounts.sign_in(SIGN_IN.hash) is None
    assert await accounts.sign_ins_of(ACME, ANNA) == []
    assert await accounts.workspace_passwords(ACME, ANNA) == []
    assert await accounts.device_code(CODE.hash) is None
    assert await accounts.use_device_code(CODE.hash, NOW) is None
    assert await accounts.identity(ACME, IDENTITY.issuer, IDENTITY.subject) is None
    assert await accounts.api_token(ANNAS_TOKEN.hash) is None
    # One that was made on the server is nobody's.
    assert await accounts.api_tokens(ACME) == [TOKEN]
    assert await accounts.api_token(TOKEN.hash) == TOKEN


async def test_nothing_crosses_to_a_namesake_in_another_tenant(accounts: Accounts) -> None:
    await keep_all(accounts)
    assert await accounts.credential(OTHER, ANNA) is None
    assert await accounts.sign_ins_of(OTHER, ANNA) == []
    assert await accounts.last_sign_in(OTHER, ANNA, HERE.address) is None
    assert await accounts.workspace_passwords(OTHER, ANNA) == []
    assert await accounts.api_tokens(OTHER) == []
    assert await accounts.identities_of(OTHER, ANNA) == []
    assert not await accounts.end_sign_in(OTHER, SIGN_IN.hash, NOW)
    assert await accounts.end_sign_ins_of(OTHER, ANNA) == 0
    await accounts.forget_sign_in(OTHER, SIGN_IN.hash)
    assert not await accounts.use_workspace_password(OTHER, PASSWORD.id, NOW)
    assert not await accounts.revoke_api_token(OTHER, TOKEN.id, NOW)
    await accounts.see_sign_in(OTHER, SIGN_IN.hash, NOW + SECOND)
    await accounts.use_api_token(OTHER, TOKEN.id, NOW)
    assert await accounts.sign_in(SIGN_IN.hash) == SIGN_IN
    assert await accounts.api_token(TOKEN.hash) == TOKEN


# Forgetting.


async def test_what_ended_before_the_instant_is_forgotten(accounts: Accounts) -> None:
    ended = replace(SIGN_IN, hash=hashed("e"), ended_at=NOW - SECOND)
    for sign_in in (SIGN_IN, ended):
        await accounts.save_sign_in(sign_in)
    await accounts.save_invitation(INVITATION)
    await accounts.save_device_code(CODE)
    assert await accounts.prune_accounts(NOW) == 1
    assert await accounts.sign_in(ended.hash) is None
    assert await accounts.sign_in(SIGN_IN.hash) == SIGN_IN
    assert await accounts.prune_accounts(NOW + HOUR) == 0
    assert await accounts.prune_accounts(NOW + HOUR + SECOND) == 3
    assert await accounts.invitation(INVITATION.hash) is None
    assert await accounts.device_code(CODE.hash) is None

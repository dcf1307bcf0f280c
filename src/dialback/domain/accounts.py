"""How people and programs prove who they are: what is kept of it, behind one interface.

Whatever opens something is kept as a hash: of opaque tokens SHA-256, of passwords argon2id. Two things must
be kept as they are, since protocols compute with them: the secret of one-time codes, and the NT hash of a
workspace password, which is random, opens the feed alone, and is nobody's password elsewhere.

A sign-in is one period in which somebody is known: a browser session, a subscribed client's feed token, a
command line. It ends by itself, by the person, or when the user is disabled. What is left out: whether a
password is right and how often one may try (`identity/authenticator.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from dialback.domain.ids import TenantId, TokenHash, UserId, UserName
from dialback.domain.names import MAX_TEXT_CHARS, MAX_USER_CHARS, check_id, check_name
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Role, User

MAX_WORKSPACE_PASSWORDS = 20
"""Per user: a server that checks NTLM tries each."""
MAX_CLIENT_CHARS = 200
"""Of what a client calls itself."""


class SignInKind(StrEnum):
    """What a sign-in is good for; one kind is never taken for another."""

    BROWSER = "browser"
    FEED = "feed"
    CLI = "cli"


class Scope(StrEnum):
    """What an API token may do; `WRITE` scopes include reading."""

    DIRECTORY_READ = "directory:read"
    DIRECTORY_WRITE = "directory:write"
    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    HOSTS_READ = "hosts:read"
    HOSTS_WRITE = "hosts:write"
    AUDIT_READ = "audit:read"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the peer's address without its port, and what its client calls itself."""

    address: str
    client: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a user proves themselves with, by the embedded provider.

    `password_hash` is a PHC string, empty for none. `totp_secret` is base32, None without one-time codes, and
    `totp_step` the newest time step that was used. `recovery_hashes` are those of codes not used yet.
    `failures` counts since the last success; until `locked_until` no password is looked at. `version` is
    explained in `domain/tenancy.py`.
    """

    tenant: TenantId
    user: UserId
    password_hash: str = field(default="", repr=False)
    totp_secret: Secret | None = None
    totp_step: int = 0
    recovery_hashes: frozenset[TokenHash] = frozenset()
    failures: int = 0
    locked_until: datetime | None = None
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time link with which a user sets a password: the first, or a new one."""

    hash: TokenHash
    tenant: TenantId
    user: UserId
    expires_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """One period in which a user is known. `method` is how they proved it, in words for the record."""

    hash: TokenHash
    tenant: TenantId
    user: UserId
    kind: SignInKind
    method: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    origin: Origin
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkspacePassword:
    """A random password of one device, good for the feed alone. `nt_hash` is 16 bytes as 32 hex digits."""

    tenant: TenantId
    id: str
    user: UserId
    device: str
    nt_hash: Secret
    created_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        check_id(self.id, "workspace password id")
        check_name(self.device, "device name")


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A command line that waits to be let in (RFC 8628). `user_code` is what the person types in a browser.

    `tenant` and `user` are None until somebody has approved it.
    """

    hash: TokenHash
    user_code: str
    origin: Origin
    expires_at: datetime
    tenant: TenantId | None = None
    user: UserId | None = None
    denied: bool = False
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token with which a program uses the API as itself, within its scopes and its tenant.

    `user` is who made it and whose power it never exceeds; None of one that was made on the server.
    """

    tenant: TenantId
    id: str
    hash: TokenHash
    name: str
    scopes: frozenset[Scope]
    created_by: UserName
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None
    user: UserId | None = None

    def __post_init__(self) -> None:
        check_id(self.id, "API token id")
        check_name(self.name, "API token name")


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """Somebody an OpenID Connect provider knows by `issuer` and `subject`, and who they are here."""

    tenant: TenantId
    issuer: str
    subject: str
    user: UserId

    def __post_init__(self) -> None:
        check_name(self.issuer, "issuer", MAX_TEXT_CHARS)
        check_name(self.subject, "subject", MAX_TEXT_CHARS)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in: the user as they are now, the most powerful role of theirs, and the sign-in."""

    user: User
    role: Role
    sign_in: SignIn


@dataclass(frozen=True, slots=True)
class Program:
    """What calls with an API token, and the most powerful role it can act in now."""

    token: ApiToken
    role: Role


class Accounts(Protocol):
    """What is remembered of credentials and sign-ins. Only a question by a hash names no tenant.

    What belongs to a user goes with the user. Keeping something of a user who is not there raises `NotThere`.
    What is changed later is changed by a method of its own, so that nothing that ended comes back to life.
    """

    async def credential(self, tenant: TenantId, user: UserId) -> Credential | None:
        """Return the user's credential."""

    async def save_credential(self, credential: Credential) -> Credential:
        """Keep the credential; raise `VersionStale` if it was changed since it was read."""

    async def save_invitation(self, invitation: Invitation) -> None:
        """Keep a new invitation; older ones of the user are good no more."""

    async def invitation(self, hash: TokenHash) -> Invitation | None:
        """Return the invitation, used or not."""

    async def use_invitation(self, hash: TokenHash, now: datetime) -> Invitation | None:
        """Use it up and return it; None if it is unknown, expired or used: of two, one gets it."""

    async def end_invitations_of(self, tenant: TenantId, user: UserId) -> int:
        """Forget those of the user that nobody has used; return how many."""

    async def save_sign_in(self, sign_in: SignIn) -> None:
        """Keep a new sign-in."""

    async def sign_in(self, hash: TokenHash) -> SignIn | None:
        """Return the sign-in of that hash, ended or not."""

    async def sign_ins_of(self, tenant: TenantId, user: UserId) -> Sequence[SignIn]:
        """Return those of the user that have not ended, newest first."""

    async def last_sign_in(self, tenant: TenantId, user: UserId, address: str) -> SignIn | None:
        """Return the one of the user from the address that was seen last, ended or not, if not forgotten."""

    async def see_sign_in(self, tenant: TenantId, hash: TokenHash, now: datetime) -> None:
        """Keep that it was seen, if it has not ended."""

    async def end_sign_in(self, tenant: TenantId, hash: TokenHash, now: datetime) -> bool:
        """End it; False if there is none that goes on."""

    async def forget_sign_in(self, tenant: TenantId, hash: TokenHash) -> None:
        """Remember nothing of it, since it was revoked: it ends, and says no more where its user is."""

    async def end_sign_ins_of(self, tenant: TenantId, user: UserId) -> int:
        """Forget all of the user, and device codes that would open another; return how many went on."""

    async def save_workspace_password(self, password: WorkspacePassword) -> None:
        """Keep a new password."""

    async def workspace_passwords(self, tenant: TenantId, user: UserId) -> Sequence[WorkspacePassword]:
        """Return those of the user that are not revoked, newest first."""

    async def use_workspace_password(self, tenant: TenantId, id: str, now: datetime) -> bool:
        """Keep that it was used; False if there is none that is not revoked."""

    async def revoke_workspace_password(self, tenant: TenantId, user: UserId, id: str, now: datetime) -> bool:
        """Revoke it; False if the user has none of that id."""

    async def save_device_code(self, code: DeviceCode) -> None:
        """Keep a new code."""

    async def device_code(self, hash: TokenHash) -> DeviceCode | None:
        """Return the code of that hash."""

    async def device_code_for(self, user_code: str, now: datetime) -> DeviceCode | None:
        """Return the code that still waits under what the person typed.

        None if there is none, if it is answered or expired, or if two wait under the same.
        """

    async def approve_device_code(
        self, hash: TokenHash, tenant: TenantId, user: UserId, now: datetime
    ) -> bool:
        """Let it in as the user; False unless it still waits."""

    async def deny_device_code(self, hash: TokenHash, now: datetime) -> bool:
        """Refuse it; False unless it still waits."""

    async def use_device_code(self, hash: TokenHash, now: datetime) -> DeviceCode | None:
        """Use up an approved code and return it; None if it is not approved, expired, or used."""

    async def save_api_token(self, token: ApiToken) -> None:
        """Keep a new token."""

    async def api_token(self, hash: TokenHash) -> ApiToken | None:
        """Return the token of that hash, revoked or not."""

    async def api_tokens(self, tenant: TenantId) -> Sequence[ApiToken]:
        """Return every token of the tenant, newest first."""

    async def use_api_token(self, tenant: TenantId, id: str, now: datetime) -> None:
        """Keep that it was used, if it is not revoked."""

    async def revoke_api_token(self, tenant: TenantId, id: str, now: datetime) -> bool:
        """Revoke it; False if the tenant has none of that id that is good."""

    async def save_identity(self, identity: ExternalIdentity) -> None:
        """Keep whom the provider's subject is, in place of what was said before."""

    async def save_first_identity(self, identity: ExternalIdentity) -> bool:
        """Keep it unless some provider knows the user already; of several at once, one is kept."""

    async def identity(self, tenant: TenantId, issuer: str, subject: str) -> ExternalIdentity | None:
        """Return whom the provider's subject is."""

    async def identities_of(self, tenant: TenantId, user: UserId) -> Sequence[ExternalIdentity]:
        """Return what providers know the user by, by issuer and subject."""

    async def prune_accounts(self, before: datetime) -> int:
        """Forget invitations, sign-ins and device codes that ended before the instant; return how many."""


def parse_login(text: str) -> tuple[TenantId, UserName]:
    """Split what a person types to sign in: `NAME` in the first tenant, or `TENANT\\NAME`.

    Raises:
        ValueError: with the rule in words.
    """
    tenant, separator, name = text.partition("\\")
    if not separator:
        tenant, name = MAIN, text
    check_id(tenant, "tenant id")
    check_name(name, "user name", MAX_USER_CHARS)
    return TenantId(tenant), UserName(name)

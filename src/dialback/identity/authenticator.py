"""Who somebody is: every way to prove it, and the sign-in that it opens.

However it was proved, the answer is one opaque secret of which a hash is kept. A sign-in is good for one kind
of use; who it is of is asked at each request, so that a user who is disabled, or whose role was taken away,
notices at the next one. What is left out: cookies and pages (`web`), and how an OpenID Connect provider is
asked (`identity/oidc`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from dialback.domain.accounts import (
    MAX_CLIENT_CHARS,
    MAX_WORKSPACE_PASSWORDS,
    Accounts,
    ApiToken,
    DeviceCode,
    ExternalIdentity,
    Invitation,
    Origin,
    Person,
    Program,
    Scope,
    SignIn,
    SignInKind,
    WorkspacePassword,
    parse_login,
)
from dialback.domain.directory import Directory, NameTaken
from dialback.domain.errors import Problem, Reason, Refused
from dialback.domain.ids import TenantId, UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import Group, Role, User, role_of
from dialback.identity.embedded import Embedded, locked
from dialback.identity.limits import Addresses
from dialback.identity.passwords import Passwords
from dialback.identity.settings import SignInSettings
from dialback.identity.tokens import hash_token, make_id, make_token
from dialback.identity.totp import Enrolment, enrolment
from dialback.identity.typed import CONSONANTS, bare, draw, grouped
from dialback.identity.workspace_passwords import make_workspace_password, matching, nt_hash

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is kept when something was last used: not each request is worth a write."""
USER_CODE_CHARS = 8
_GUESSES = frozenset({Reason.SIGN_IN_REFUSED, Reason.CODE_REFUSED})


class TooManyPasswords(Problem):
    """A user has as many workspace passwords as are kept."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A sign-in that has just begun, and the secret that is nowhere kept.

    `changes` are what a provider's word has changed about the user, for the audit log.
    """

    secret: Secret
    sign_in: SignIn
    user: User
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExternalPerson:
    """What a provider says of somebody.

    `role` None leaves the user's own as it is. `groups` says of groups here, by name, whether the user is a
    member; others are left as they are.
    """

    issuer: str
    subject: str
    name: UserName
    display_name: str = ""
    role: Role | None = None
    groups: Mapping[str, bool] = field(default_factory=dict)


class DevicePoll(StrEnum):
    """Why a command line that waits is not let in. Source: [RFC 8628] 3.5 Device Access Token Response."""

    PENDING = "authorization_pending"
    DENIED = "access_denied"
    EXPIRED = "expired_token"


class Authenticator:
    """Opens sign-ins, says whose they are, and ends them."""

    def __init__(
        self,
        accounts: Accounts,
        directory: Directory,
        settings: SignInSettings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        passwords: Passwords | None = None,
    ) -> None:
        self._accounts = accounts
        self._directory = directory
        self._settings = settings
        self._now = now
        passwords = passwords or Passwords(settings.passwords_at_once)
        self._embedded = Embedded(accounts, directory, settings, passwords, now)
        self._failures = Addresses(settings.address_failures)
        # Apart, since anybody may begin: it must not keep right passwords out.
        self._beginnings = Addresses(settings.address_failures)
        self._lives = {
            SignInKind.BROWSER: timedelta(hours=settings.browser_hours),
            SignInKind.FEED: timedelta(hours=settings.feed_hours),
            SignInKind.CLI: timedelta(days=settings.cli_days),
        }

    # Sign-ins.

    async def by_password(self, login: str, password: Secret, code: str, origin: Origin) -> Opened:
        """Open a browser's sign-in by the embedded provider.

        Args:
            login: `NAME`, or `TENANT\\NAME`.
            code: a one-time code or a recovery code; empty for none.

        Raises:
            Refused: SIGN_IN_REFUSED (of name and password, none is said to be right), SIGN_IN_LOCKED with the
                instant, and to who knows the password USER_DISABLED, CODE_WANTED or CODE_REFUSED.
        """
        self._check(self._failures, origin)
        try:
            user = await self._embedded.prove(login, password, code)
        except Refused as refused:
            self._note_failure(refused, origin)
            raise
        method = "password and code" if await self._embedded.has_totp(user) else "password"
        return await self.open(user, SignInKind.BROWSER, method, origin)

    async def by_external(
        self, tenant: TenantId, person: ExternalPerson, create: bool, origin: Origin
    ) -> Opened:
        """Open a browser's sign-in for somebody whom a provider has just vouched for.

        A user of the same name becomes theirs only if nobody else can be that user yet, and the user may do
        nothing special: at many providers people choose their names themselves.

        Args:
            create: whether somebody unknown becomes a new user.

        Raises:
            Refused: IDENTITY_UNKNOWN, IDENTITY_NAME_TAKEN or USER_DISABLED.
            ValueError: a name is none; the message is the rule in words.
        """
        identity = await self._accounts.identity(tenant, person.issuer, person.subject)
        known = await self._directory.get(User, tenant, identity.user) if identity else None
        user = known or await self._welcome(tenant, person, create)
        if user.disabled_at is not None:
            raise Refused(Reason.USER_DISABLED)
        changes: list[str] = []
        if known is None:
            changes.append(f"{user.name} is {person.subject[:100]!r} of {person.issuer}")
            claim = ExternalIdentity(tenant, person.issuer, person.subject, user.id)
            if not await self._accounts.save_first_identity(claim):
                # Somebody else of that name came at the same time.
                raise Refused(Reason.IDENTITY_NAME_TAKEN)
        user = await self._updated(user, person, changes)
        opened = await self.open(user, SignInKind.BROWSER, f"provider {person.issuer}", origin)
        return replace(opened, changes=tuple(changes))

    async def by_workspace_password(self, login: str, password: Secret, origin: Origin) -> Opened:
        """Open a feed's sign-in by a workspace password in the clear, as HTTP Basic brings it.

        Raises:
            Refused: SIGN_IN_REFUSED, SIGN_IN_LOCKED, or USER_DISABLED.
        """
        return await self.by_workspace_proof(login, lambda among: matching(password, among), origin)

    async def by_workspace_proof(
        self,
        login: str,
        prove: Callable[[Sequence[WorkspacePassword]], WorkspacePassword | None],
        origin: Origin,
    ) -> Opened:
        """Open a feed's sign-in by a proof of a workspace password, as NTLM brings it.

        Args:
            prove: returns which of the passwords it proves; raises `Refused` if it may not be used.

        Raises:
            Refused: SIGN_IN_REFUSED, SIGN_IN_LOCKED, or USER_DISABLED; what `prove` raises.
        """
        self._check(self._failures, origin)
        found = await self.workspace_passwords(login)
        try:
            used = prove(found[1] if found else ())
            if found is None or used is None:
                raise Refused(Reason.SIGN_IN_REFUSED)
        except Refused:
            self._failures.count(origin.address, self._now())
            raise
        return await self.open_feed(found[0], used, origin)

    async def workspace_passwords(self, login: str) -> tuple[User, Sequence[WorkspacePassword]] | None:
        """Return the user of the login and the passwords that are good; for a server that checks NTLM."""
        try:
            tenant, name = parse_login(login)
        except ValueError:
            return None
        user = await self._directory.find(User, tenant, name)
        return (user, await self._accounts.workspace_passwords(tenant, user.id)) if user else None

    async def open_feed(self, user: User, password: WorkspacePassword, origin: Origin) -> Opened:
        """Open a feed's sign-in for who has proved to know the workspace password.

        Raises:
            Refused: USER_DISABLED; SIGN_IN_REFUSED if it was revoked meanwhile.
        """
        if not await self._accounts.use_workspace_password(password.tenant, password.id, self._now()):
            raise Refused(Reason.SIGN_IN_REFUSED)
        return await self.open(user, SignInKind.FEED, _method_of(password.id), origin)

    async def open(self, user: User, kind: SignInKind, method: str, origin: Origin) -> Opened:
        """Open a sign-in for who has proved to be the user by `method`; raise `Refused` if disabled."""
        if user.disabled_at is not None:
            raise Refused(Reason.USER_DISABLED)
        secret, now = make_token(), self._now()
        bounded = replace(origin, client=origin.client[:MAX_CLIENT_CHARS])
        expires_at = now + self._lives[kind]
        sign_in = SignIn(
            hash_token(secret), user.tenant, user.id, kind, method, now, now, expires_at, bounded
        )
        await self._accounts.save_sign_in(sign_in)
        return Opened(secret, sign_in, user)

    async def who(self, secret: Secret, kind: SignInKind) -> Person | None:
        """Return who is signed in by the secret; None if it is none, of another kind, over, or disabled."""
        sign_in = await self._accounts.sign_in(hash_token(secret))
        now = self._now()
        if sign_in is None or sign_in.kind is not kind or self._is_over(sign_in, now):
            return None
        user = await self._directory.get(User, sign_in.tenant, sign_in.user)
        if user is None or user.disabled_at is not None:
            return None
        if now - sign_in.seen_at >= SEEN_EVERY:
            await self._accounts.see_sign_in(sign_in.tenant, sign_in.hash, now)
        groups = await self._directory.groups_of(user.tenant, user.id)
        return Person(user, role_of(user, groups), sign_in)

    async def end(self, secret: Secret) -> None:
        """End the sign-in of the secret, if there is one."""
        sign_in = await self._accounts.sign_in(hash_token(secret))
        if sign_in is not None:
            await self._accounts.end_sign_in(sign_in.tenant, sign_in.hash, self._now())

    async def sign_ins_of(self, user: User) -> Sequence[SignIn]:
        """Return those of the user that are not over, newest first."""
        now, kept = self._now(), await self._accounts.sign_ins_of(user.tenant, user.id)
        return [sign_in for sign_in in kept if not self._is_over(sign_in, now)]

    async def end_all(self, user: User) -> int:
        """End every sign-in of the user; return how many were not over."""
        going_on = await self.sign_ins_of(user)
        await self._accounts.end_sign_ins_of(user.tenant, user.id)
        return len(going_on)

    # Invitations and passwords.

    async def invite(self, user: User) -> Secret:
        """Return the secret of a link by which the user sets a password; older links are good no more."""
        secret = make_token()
        expires_at = self._now() + timedelta(hours=self._settings.invitation_hours)
        await self._accounts.save_invitation(Invitation(hash_token(secret), user.tenant, user.id, expires_at))
        return secret

    async def invited(self, invitation: Secret) -> User:
        """Return whom the link is for; raise `Refused` as `accept` does."""
        found = await self._accounts.invitation(hash_token(invitation))
        if found is None:
            raise Refused(Reason.INVITATION_UNKNOWN)
        if found.used_at is not None:
            raise Refused(Reason.INVITATION_USED)
        if self._now() >= found.expires_at:
            raise Refused(Reason.INVITATION_EXPIRED)
        user = await self._directory.get(User, found.tenant, found.user)
        if user is None:
            raise Refused(Reason.INVITATION_UNKNOWN)
        if user.disabled_at is not None:
            raise Refused(Reason.USER_DISABLED)
        return user

    async def accept(self, invitation: Secret, password: Secret, origin: Origin, code: str = "") -> Opened:
        """Use the link up: set the password, end every sign-in of the user, and open a browser's.

        Who has one-time codes is asked for one: a link alone must not stand in for both.

        Raises:
            Refused: INVITATION_UNKNOWN, INVITATION_USED, INVITATION_EXPIRED, USER_DISABLED; and, while the
                link stays good, PASSWORD_WEAK with the rule in words, CODE_WANTED, CODE_REFUSED or
                SIGN_IN_LOCKED.
        """
        user = await self.invited(invitation)
        self._embedded.check_password(user, password)
        await self._embedded.prove_code(user, code)
        if await self._accounts.use_invitation(hash_token(invitation), self._now()) is None:
            raise Refused(Reason.INVITATION_USED)
        await self._embedded.set_password(user, password)
        await self.end_all(user)
        return await self.open(user, SignInKind.BROWSER, "invitation", origin)

    async def change_password(
        self, user: User, old: Secret, new: Secret, code: str, origin: Origin
    ) -> Opened:
        """Set another password, end every sign-in of the user, and open a browser's.

        Raises:
            Refused: as `by_password` does, and PASSWORD_WEAK with the rule in words.
        """
        self._check(self._failures, origin)
        self._embedded.check_password(user, new)
        try:
            await self._embedded.prove(f"{user.tenant}\\{user.name}", old, code)
        except Refused as refused:
            self._note_failure(refused, origin)
            raise
        await self._embedded.set_password(user, new)
        await self.end_all(user)
        return await self.open(user, SignInKind.BROWSER, "new password", origin)

    async def has_password(self, user: User) -> bool:
        """Say whether the user can sign in by the embedded provider."""
        return await self._embedded.has_password(user)

    async def can_sign_in(self, user: User) -> bool:
        """Say whether the user has a password, or is known to a provider."""
        known = await self._accounts.identities_of(user.tenant, user.id)
        return bool(known) or await self._embedded.has_password(user)

    # One-time codes.

    async def has_totp(self, user: User) -> bool:
        """Say whether the user is asked for one-time codes."""
        return await self._embedded.has_totp(user)

    def enrol_totp(self, user: User, issuer: str) -> Enrolment:
        """Return a new secret for the user's authenticator app; nothing is kept before `confirm_totp`.

        Args:
            issuer: what the app shows beside the user's name.
        """
        return enrolment(user.name, issuer)

    async def confirm_totp(self, user: User, secret: Secret, code: str) -> tuple[Secret, ...]:
        """Ask for codes from now on, once the user's app gives the right one; return recovery codes.

        Raises:
            Refused: CODE_REFUSED if the code is wrong, or codes are set up already.
        """
        return await self._embedded.set_totp(user, secret, code)

    async def renew_recovery_codes(self, user: User, code: str) -> tuple[Secret, ...]:
        """Return new recovery codes for a one-time code; older ones are good no more.

        Raises:
            Refused: CODE_WANTED, CODE_REFUSED or SIGN_IN_LOCKED.
        """
        if not await self._embedded.has_totp(user):
            raise Refused(Reason.CODE_REFUSED, "one-time codes are not set up")
        await self._embedded.prove_code(user, code)
        return await self._embedded.renew_recovery_codes(user)

    async def remove_totp(self, user: User, code: str) -> None:
        """Ask for codes no more, for a last one; raise `Refused` as `renew_recovery_codes` does."""
        await self._embedded.prove_code(user, code)
        await self._embedded.drop_totp(user)

    async def reset_totp(self, user: User) -> None:
        """Ask for codes no more, on an administrator's word, who helps somebody that lost theirs."""
        await self._embedded.drop_totp(user)

    # Workspace passwords.

    async def make_workspace_password(self, user: User, device: str) -> tuple[WorkspacePassword, Secret]:
        """Make a password for one device of the user.

        Raises:
            TooManyPasswords: the user has as many as are kept.
            ValueError: the device's name is none; the message is the rule in words.
        """
        secret = make_workspace_password()
        password = WorkspacePassword(user.tenant, make_id(), user.id, device, nt_hash(secret), self._now())
        kept = await self._accounts.workspace_passwords(user.tenant, user.id)
        if len(kept) >= MAX_WORKSPACE_PASSWORDS:
            raise TooManyPasswords(
                f"there are {MAX_WORKSPACE_PASSWORDS} workspace passwords, which is the most; "
                "revoke one that no device uses"
            )
        await self._accounts.save_workspace_password(password)
        return password, secret

    async def revoke_workspace_password(self, user: User, id: str) -> bool:
        """Revoke it, and forget what it opened; False if the user has none of that id."""
        if not await self._accounts.revoke_workspace_password(user.tenant, user.id, id, self._now()):
            return False
        for sign_in in await self._accounts.sign_ins_of(user.tenant, user.id):
            if sign_in.method == _method_of(id):
                await self._accounts.forget_sign_in(user.tenant, sign_in.hash)
        return True

    # Device codes of command lines.

    async def begin_device(self, origin: Origin) -> tuple[Secret, str, datetime]:
        """Begin to let a command line in.

        Returns:
            The secret with which it polls, the code that the person types in a browser, and when both end.

        Raises:
            Refused: SIGN_IN_LOCKED if the address has begun too often.
        """
        self._check(self._beginnings, origin)
        now = self._now()
        self._beginnings.count(origin.address, now)
        secret, typed = make_token(), draw(USER_CODE_CHARS, CONSONANTS)
        expires_at = now + timedelta(minutes=self._settings.device_code_minutes)
        bounded = replace(origin, client=origin.client[:MAX_CLIENT_CHARS])
        await self._accounts.save_device_code(DeviceCode(hash_token(secret), typed, bounded, expires_at))
        return secret, grouped(typed), expires_at

    async def device(self, user_code: str) -> DeviceCode | None:
        """Return what waits under a code, however it was typed, for the person to look at."""
        return await self._accounts.device_code_for(bare(user_code).upper(), self._now())

    async def approve_device(self, user_code: str, person: Person) -> bool:
        """Let the command line in as the person; False if none waits under the code."""
        code = await self.device(user_code)
        if code is None:
            return False
        user = person.user
        return await self._accounts.approve_device_code(code.hash, user.tenant, user.id, self._now())

    async def deny_device(self, user_code: str) -> bool:
        """Refuse the command line; False if none waits under the code."""
        code = await self.device(user_code)
        return code is not None and await self._accounts.deny_device_code(code.hash, self._now())

    async def poll_device(self, secret: Secret, origin: Origin) -> Opened | DevicePoll:
        """Open the command line's sign-in once somebody has approved it.

        Raises:
            Refused: USER_DISABLED.
        """
        code = await self._accounts.device_code(hash_token(secret))
        if code is not None and code.denied:
            return DevicePoll.DENIED
        now = self._now()
        if code is None or code.used_at is not None or now >= code.expires_at:
            return DevicePoll.EXPIRED
        if code.tenant is None or code.user is None:
            return DevicePoll.PENDING
        user = await self._directory.get(User, code.tenant, code.user)
        if user is None or await self._accounts.use_device_code(code.hash, now) is None:
            return DevicePoll.EXPIRED
        return await self.open(user, SignInKind.CLI, "device code", origin)

    # API tokens.

    async def make_api_token(
        self,
        tenant: TenantId,
        name: str,
        scopes: frozenset[Scope],
        created_by: UserName,
        life: timedelta | None = None,
        user: UserId | None = None,
    ) -> tuple[ApiToken, Secret]:
        """Make a token for a program; `life` None for one that is good until it is revoked.

        Args:
            user: who makes it; None of whoever has the server itself.

        Raises:
            ValueError: the name is none; the message is the rule in words.
        """
        secret, now = make_token(), self._now()
        expires_at = None if life is None else now + life
        token = ApiToken(
            tenant, make_id(), hash_token(secret), name, scopes, created_by, now, expires_at, user=user
        )
        await self._accounts.save_api_token(token)
        return token, secret

    async def program(self, secret: Secret) -> Program | None:
        """Return what calls with the token; None if it is none, revoked or expired, or its maker disabled."""
        token = await self._accounts.api_token(hash_token(secret))
        now = self._now()
        if token is None or token.revoked_at is not None:
            return None
        if token.expires_at is not None and now >= token.expires_at:
            return None
        role = await self._role_of_token(token)
        if role is None:
            return None
        if token.used_at is None or now - token.used_at >= SEEN_EVERY:
            await self._accounts.use_api_token(token.tenant, token.id, now)
        return Program(token, role)

    async def _role_of_token(self, token: ApiToken) -> Role | None:
        """Return the most powerful role of the token: an administrator's, if its maker has that now."""
        if token.user is None:
            return Role.ADMINISTRATOR
        maker = await self._directory.get(User, token.tenant, token.user)
        if maker is None or maker.disabled_at is not None:
            return None
        role = role_of(maker, await self._directory.groups_of(maker.tenant, maker.id))
        return Role.ADMINISTRATOR if role.includes(Role.ADMINISTRATOR) else role

    # How it is done.

    def _is_over(self, sign_in: SignIn, now: datetime) -> bool:
        idle = timedelta(minutes=self._settings.idle_minutes)
        forgotten = sign_in.kind is SignInKind.BROWSER and now - sign_in.seen_at >= idle
        return sign_in.ended_at is not None or now >= sign_in.expires_at or forgotten

    def _check(self, counted: Addresses, origin: Origin) -> None:
        until = counted.blocked_until(origin.address, self._now())
        if until is not None:
            raise locked(until)

    def _note_failure(self, refused: Refused, origin: Origin) -> None:
        if refused.reason in _GUESSES:
            self._failures.count(origin.address, self._now())

    async def _welcome(self, tenant: TenantId, person: ExternalPerson, create: bool) -> User:
        """Return the user that a person unknown until now is to be."""
        named = await self._directory.find(User, tenant, person.name)
        if named is not None:
            if not await self._is_free(named):
                raise Refused(Reason.IDENTITY_NAME_TAKEN)
            return named
        if not create:
            raise Refused(Reason.IDENTITY_UNKNOWN)
        try:
            return await self._directory.save(User(tenant, UserId(make_id()), person.name))
        except NameTaken:
            raise Refused(Reason.IDENTITY_NAME_TAKEN) from None

    async def _is_free(self, user: User) -> bool:
        """Say whether nobody can be the user yet, and the user may do nothing special."""
        groups = await self._directory.groups_of(user.tenant, user.id)
        return role_of(user, groups) is Role.USER and not await self.can_sign_in(user)

    async def _updated(self, user: User, person: ExternalPerson, changes: list[str]) -> User:
        """Make the user what the provider says now; what is changed is added to the changes."""
        role = user.role if person.role is None else person.role
        display_name = person.display_name or user.display_name
        if (role, display_name) != (user.role, user.display_name):
            before = user
            user = await self._directory.save(replace(user, role=role, display_name=display_name))
            if before.role != role:
                changes.append(f"role: {before.role} -> {role}")
            if before.display_name != display_name:
                changes.append(f"display name: {before.display_name!r} -> {display_name!r}")
        mine = {group.id for group in await self._directory.groups_of(user.tenant, user.id)}
        for name, member in person.groups.items():
            group = await self._directory.find(Group, user.tenant, name)
            if group is not None and member and group.id not in mine:
                await self._directory.join(user.tenant, group.id, user.id)
                changes.append(f"joins group {group.name}")
            elif group is not None and not member and group.id in mine:
                await self._directory.leave(user.tenant, group.id, user.id)
                changes.append(f"leaves group {group.name}")
        return user


def _method_of(workspace_password: str) -> str:
    return f"workspace password {workspace_password}"

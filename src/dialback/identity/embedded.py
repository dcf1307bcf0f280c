"""The embedded provider: whether a password and a one-time code are a user's, and how often one may try.

Every attempt is counted *before* it is looked at, and a right one takes the count back: so attempts that
arrive at once count too. A name that nobody has, or that has no password, is answered, delayed and locked as
any other, so that nobody learns which names there are. A credential changes by its version alone: whoever
comes second reads it again, and so a code cannot be used twice.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from dialback.domain.accounts import Accounts, Credential, parse_login
from dialback.domain.directory import Directory, VersionStale
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import UserId
from dialback.domain.lockout import locked_for
from dialback.domain.names import key_of
from dialback.domain.passwords import weakness_of
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, User
from dialback.identity.passwords import Passwords
from dialback.identity.settings import SignInSettings
from dialback.identity.totp import hash_recovery_code, make_recovery_codes, spend_code, step_of

MAX_STRANGERS = 10_000
_NOBODY = Credential(MAIN, UserId("nobody"))


class Embedded:
    """Knows users by password, one-time code and recovery code."""

    def __init__(
        self,
        accounts: Accounts,
        directory: Directory,
        settings: SignInSettings,
        passwords: Passwords,
        now: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._directory = directory
        self._settings = settings
        self._passwords = passwords
        self._now = now
        # What is counted of names without a password; lost at a restart, which such names do not mind.
        self._strangers: OrderedDict[tuple[str, str], Credential] = OrderedDict()

    async def prove(self, login: str, password: Secret, code: str) -> User:
        """Return the user whose login, password and, where one is set up, code these are.

        Raises:
            Refused: SIGN_IN_REFUSED, SIGN_IN_LOCKED, USER_DISABLED, CODE_WANTED or CODE_REFUSED; the last
                three only to who knows the password.
        """
        user = await self._find(login)
        known = await self._accounts.credential(user.tenant, user.id) if user else None
        if user is None or known is None or not known.password_hash:
            await self._refuse_stranger(login, password)
        tried = await self._change(user, self._counted)
        if not await self._passwords.verify(password, tried.password_hash):
            raise Refused(Reason.SIGN_IN_REFUSED)
        if user.disabled_at is not None:
            raise Refused(Reason.USER_DISABLED)
        fresh = tried.password_hash
        if self._passwords.is_outdated(fresh):
            fresh = await self._passwords.hash(password)
        await self._settle(user, tried, code, fresh)
        return user

    async def prove_code(self, user: User, code: str) -> None:
        """Check the code of a user who is known otherwise; of one without codes, nothing is asked.

        Raises:
            Refused: SIGN_IN_LOCKED, CODE_WANTED or CODE_REFUSED.
        """
        known = await self._accounts.credential(user.tenant, user.id)
        if known is not None and known.totp_secret is not None:
            tried = await self._change(user, self._counted)
            await self._settle(user, tried, code, tried.password_hash)

    async def has_password(self, user: User) -> bool:
        """Say whether the user can sign in by password."""
        known = await self._accounts.credential(user.tenant, user.id)
        return known is not None and bool(known.password_hash)

    async def set_password(self, user: User, password: Secret) -> None:
        """Give the user a password and end a lock; see `check_password`."""
        self.check_password(user, password)
        made = await self._passwords.hash(password)
        await self._change(
            user, lambda known: replace(known, password_hash=made, failures=0, locked_until=None)
        )

    def check_password(self, user: User, password: Secret) -> None:
        """Raise `Refused` with the rule in words if the password is too weak for the user."""
        if rule := weakness_of(password.reveal(), user.name):
            raise Refused(Reason.PASSWORD_WEAK, rule)

    async def has_totp(self, user: User) -> bool:
        """Say whether the user is asked for one-time codes."""
        known = await self._accounts.credential(user.tenant, user.id)
        return known is not None and known.totp_secret is not None

    async def set_totp(self, user: User, secret: Secret, code: str) -> tuple[Secret, ...]:
        """Ask the user for one-time codes from now on; return recovery codes, in place of older ones.

        Raises:
            Refused: CODE_REFUSED if the code is not the secret's, or codes are set up already.
        """
        step = step_of(secret, code, self._now())
        if step is None:
            raise Refused(Reason.CODE_REFUSED)
        codes = make_recovery_codes()
        hashes = frozenset(hash_recovery_code(each) for each in codes)

        def enrolled(known: Credential) -> Credential:
            if known.totp_secret is not None:
                raise Refused(Reason.CODE_REFUSED, "one-time codes are set up already; remove them first")
            return replace(known, totp_secret=secret, totp_step=step, recovery_hashes=hashes)

        await self._change(user, enrolled)
        return codes

    async def renew_recovery_codes(self, user: User) -> tuple[Secret, ...]:
        """Return new recovery codes; older ones are good no more."""
        codes = make_recovery_codes()
        hashes = frozenset(hash_recovery_code(each) for each in codes)
        await self._change(user, lambda known: replace(known, recovery_hashes=hashes))
        return codes

    async def drop_totp(self, user: User) -> None:
        """Ask the user for no more codes."""
        await self._change(
            user, lambda known: replace(known, totp_secret=None, totp_step=0, recovery_hashes=frozenset())
        )

    async def _find(self, login: str) -> User | None:
        try:
            tenant, name = parse_login(login)
        except ValueError:
            return None
        return await self._directory.find(User, tenant, name)

    async def _refuse_stranger(self, login: str, password: Secret) -> NoReturn:
        key = _stranger_of(login)
        known = self._strangers.pop(key, _NOBODY)
        try:
            known = self._counted(known)
        finally:
            self._strangers[key] = known
            if len(self._strangers) > MAX_STRANGERS:
                self._strangers.popitem(last=False)
        await self._passwords.verify(password, "")
        raise Refused(Reason.SIGN_IN_REFUSED)

    def _counted(self, known: Credential) -> Credential:
        """Return the credential with one failure more; raise `Refused` while it is locked."""
        now, settings = self._now(), self._settings
        if known.locked_until is not None and now < known.locked_until:
            raise locked(known.locked_until)
        pause = locked_for(
            known.failures + 1,
            settings.allowed_failures,
            timedelta(minutes=settings.lock_minutes),
            timedelta(minutes=settings.longest_lock_minutes),
        )
        return replace(known, failures=known.failures + 1, locked_until=now + pause if pause else None)

    async def _settle(self, user: User, tried: Credential, code: str, password_hash: str) -> None:
        """Take an attempt back whose password is right, once its code is right too."""
        if tried.totp_secret is not None and not code.strip():
            await self._take_back(user, tried)
            raise Refused(Reason.CODE_WANTED)

        def settled(known: Credential) -> Credential:
            if known.password_hash != tried.password_hash:
                # Somebody has set another password meanwhile.
                raise Refused(Reason.SIGN_IN_REFUSED)
            spent = known if known.totp_secret is None else spend_code(known, code, self._now())
            return replace(spent, password_hash=password_hash, failures=0, locked_until=None)

        await self._change(user, settled)

    async def _take_back(self, user: User, tried: Credential) -> None:
        """Count the attempt no more; the others stay, or a right password would forgive guessed codes."""
        try:
            await self._accounts.save_credential(
                replace(tried, failures=tried.failures - 1, locked_until=None)
            )
        except VersionStale:
            # A lock may be another attempt's by now.
            await self._change(user, lambda known: replace(known, failures=max(known.failures - 1, 0)))

    async def _change(self, user: User, changed: Callable[[Credential], Credential]) -> Credential:
        """Change the user's credential as if nobody else did at the same time."""
        while True:
            known = await self._accounts.credential(user.tenant, user.id)
            try:
                return await self._accounts.save_credential(
                    changed(known or Credential(user.tenant, user.id))
                )
            except VersionStale:
                # Somebody else got on with it, so this ends.
                continue


def _stranger_of(login: str) -> tuple[str, str]:
    """Return what every spelling of a login has in common, as if it were a user's; of none, its beginning."""
    try:
        tenant, name = parse_login(login)
    except ValueError:
        return "", key_of(login[:200])
    return tenant, key_of(name)


def locked(until: datetime) -> Refused:
    """Return the refusal until the instant."""
    return Refused(Reason.SIGN_IN_LOCKED, f"until {until.isoformat(timespec='seconds')}")

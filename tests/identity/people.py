"""A tenant with a user, a clock that a test moves, and what knows them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyotp

from dialback.domain.accounts import Accounts, Origin, Person, SignInKind
from dialback.domain.directory import Directory
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import TenantId, UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.identity.authenticator import Authenticator, Opened
from dialback.identity.passwords import Passwords
from dialback.identity.settings import SignInSettings
from dialback.store.memory import MemoryStore
from dialback.store.memory_accounts import MemoryAccounts
from dialback.store.memory_directory import MemoryDirectory
from tests.identity.hashing import QUICK

OTHER = TenantId("other")
ANNA = User(MAIN, UserId("u1"), UserName("anna"), "Anna")
HERE = Origin("192.0.2.1", "Browser")
GOOD = Secret("a long enough passphrase")
WRONG = Secret("another long passphrase")


@dataclass
class World:
    """An authenticator over memory."""

    accounts: Accounts
    directory: Directory
    authenticator: Authenticator
    now: datetime

    def later(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)

    async def invited(self, user: User = ANNA, password: Secret = GOOD) -> Opened:
        """Let the user set a password by an invitation."""
        return await self.authenticator.accept(await self.authenticator.invite(user), password, HERE)

    async def sign_in(self, password: Secret = GOOD, code: str = "", login: str = "anna") -> Opened:
        """Sign in with a password."""
        return await self.authenticator.by_password(login, password, code, HERE)

    async def tried(self, password: Secret = GOOD, code: str = "", login: str = "anna") -> Reason | None:
        """Sign in and return why it was refused, None if it was not."""
        return await refusal(self.sign_in(password, code, login))

    async def who(self, opened: Opened, kind: SignInKind = SignInKind.BROWSER) -> Person | None:
        """Return who the sign-in's secret says."""
        return await self.authenticator.who(opened.secret, kind)


async def refusal(attempt: object) -> Reason | None:
    """Await the attempt and return why it was refused, None if it was not."""
    try:
        await attempt  # type: ignore[misc]
    except Refused as refused:
        return refused.reason
    return None


def wrong_code(secret: str, now: datetime) -> str:
    """Return a code that is good neither now nor a step before or after: of some secrets, any code is."""
    good = {pyotp.TOTP(secret).at(now + timedelta(seconds=step_s)) for step_s in (-30, 0, 30)}
    return next(code for code in ("000000", "000001", "000002", "000003") if code not in good)


@dataclass
class App:
    """Somebody's authenticator app."""

    world: World
    secret: Secret
    codes: tuple[Secret, ...] = field(default=())

    def code(self, steps: int = 0) -> str:
        """Return the code that the app shows, or showed or will show some steps from now."""
        return pyotp.TOTP(self.secret.reveal()).at(int(self.world.now.timestamp()) + 30 * steps)

    def wrong_code(self) -> str:
        """Return a code that the app does not show, nor showed or will show a step from now."""
        return wrong_code(self.secret.reveal(), self.world.now)


async def enrolled(world: World, user: User = ANNA) -> App:
    """Set one-time codes up for the user, and wait for the next code."""
    app = App(world, world.authenticator.enrol_totp(user, "Dialback").secret)
    app.codes = await world.authenticator.confirm_totp(user, app.secret, app.code())
    world.later(seconds=30)
    return app


async def make_world(settings: SignInSettings | None = None) -> World:
    """Return a world in which Anna was made and did nothing yet."""
    directory = MemoryDirectory(MemoryStore())
    accounts = MemoryAccounts(directory)
    for tenant in (MAIN, OTHER):
        await directory.save_tenant(Tenant(tenant, tenant.title()))
    await directory.save(ANNA)
    passwords = Passwords(hasher=QUICK)
    start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    world: World
    authenticator = Authenticator(
        accounts, directory, settings or SignInSettings(), lambda: world.now, passwords
    )
    world = World(accounts, directory, authenticator, start)
    return world

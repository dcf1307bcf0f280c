"""The embedded provider: wrong names and wrong passwords look alike, attempts count, codes are used once."""

import asyncio
from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import TenantId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.identity import embedded
from dialback.identity.authenticator import Authenticator, Opened
from dialback.identity.passwords import Passwords
from dialback.identity.settings import SignInSettings
from tests.identity.people import ANNA, GOOD, HERE, OTHER, WRONG, App, World, enrolled, make_world


@pytest.fixture
async def world() -> World:
    """Return a world in which Anna has a password."""
    world = await make_world()
    await world.invited()
    return world


async def test_password_opens_whatever_case_the_name_has(world: World) -> None:
    for login in ("anna", "ANNA", "main\\anna"):
        assert (await world.sign_in(login=login)).user.id == ANNA.id


@pytest.mark.parametrize("login", ["nobody", "other\\anna", "nowhere\\anna", "", "an\nna", "x" * 1000, "a\0"])
async def test_wrong_name_and_wrong_password_are_one_refusal(world: World, login: str) -> None:
    assert await world.tried(WRONG) is Reason.SIGN_IN_REFUSED
    assert await world.tried(GOOD, login=login) is Reason.SIGN_IN_REFUSED


async def test_user_without_a_password_is_refused_as_nobody(world: World) -> None:
    await world.directory.save(replace(ANNA, id="u2", name=UserName("ben")))
    for password in (Secret(""), GOOD):
        assert await world.tried(password, login="ben") is Reason.SIGN_IN_REFUSED


@pytest.mark.parametrize("login", ["anna", "nobody", "other\\anna"])
async def test_names_lock_alike_whether_or_not_somebody_has_them(world: World, login: str) -> None:
    seen = [await world.tried(WRONG, login=login) for _ in range(6)]
    assert seen == [Reason.SIGN_IN_REFUSED] * 5 + [Reason.SIGN_IN_LOCKED]
    world.later(seconds=59)
    assert await world.tried(WRONG, login=login) is Reason.SIGN_IN_LOCKED
    world.later(seconds=1)
    assert await world.tried(WRONG, login=login) is Reason.SIGN_IN_REFUSED
    world.later(seconds=119)
    assert await world.tried(WRONG, login=login) is Reason.SIGN_IN_LOCKED
    world.later(seconds=1)
    assert await world.tried(WRONG, login=login) is Reason.SIGN_IN_REFUSED


@pytest.mark.parametrize("name", ["anna", "nobody", "ben"])
async def test_a_lock_holds_however_the_name_is_spelt(world: World, name: str) -> None:
    await world.directory.save(replace(ANNA, id="u2", name=UserName("ben")))
    for login in (name, name.upper(), f"main\\{name}", f"main\\{name.title()}", name):
        assert await world.tried(WRONG, login=login) is Reason.SIGN_IN_REFUSED
    for login in (name, name.upper(), f"main\\{name}"):
        assert await world.tried(WRONG, login=login) is Reason.SIGN_IN_LOCKED
    assert await world.tried(WRONG, login=f"other\\{name}") is Reason.SIGN_IN_REFUSED


@pytest.mark.parametrize("name", ["anna", "nobody"])
async def test_text_that_is_no_login_locks_nobody_else(world: World, name: str) -> None:
    # The first letter is KELVIN SIGN, no letter of a tenant's id, whose key is the letter k.
    await world.directory.save_tenant(Tenant(TenantId("kelvin"), "Kelvin"))
    await world.invited(await world.directory.save(User(TenantId("kelvin"), ANNA.id, ANNA.name)))
    for _ in range(5):
        await world.tried(WRONG, login=f"\u212aelvin\\{name}")
    assert await world.tried(WRONG, login=f"kelvin\\{name}") is Reason.SIGN_IN_REFUSED


async def test_right_password_is_refused_while_locked_and_forgives_afterwards(world: World) -> None:
    for _ in range(5):
        await world.tried(WRONG)
    with pytest.raises(Refused, match=r"until 2026-03-01T12:01:00\+00:00"):
        await world.sign_in()
    world.later(minutes=1)
    assert await world.tried() is None
    assert [await world.tried(WRONG) for _ in range(5)] == [Reason.SIGN_IN_REFUSED] * 5


async def test_attempts_at_once_are_all_counted(world: World) -> None:
    seen = await asyncio.gather(*(world.tried(WRONG) for _ in range(20)))
    assert seen.count(Reason.SIGN_IN_REFUSED) == 5
    assert seen.count(Reason.SIGN_IN_LOCKED) == 15


async def test_disabled_user_is_told_so_only_with_the_right_password(world: World) -> None:
    await world.directory.save(replace(ANNA, disabled_at=world.now))
    assert await world.tried(WRONG) is Reason.SIGN_IN_REFUSED
    assert await world.tried() is Reason.USER_DISABLED


async def test_code_is_wanted_only_after_the_right_password(world: World) -> None:
    app = await enrolled(world)
    assert await world.tried(WRONG, app.code()) is Reason.SIGN_IN_REFUSED
    assert await world.tried() is Reason.CODE_WANTED
    assert await world.tried(code="   ") is Reason.CODE_WANTED
    assert await world.tried(code=app.wrong_code()) is Reason.CODE_REFUSED
    assert await world.tried(code=app.code()) is None


async def test_code_is_not_taken_twice_even_at_once(world: World) -> None:
    app = await enrolled(world)
    seen = await asyncio.gather(*(world.tried(code=app.code()) for _ in range(4)))
    assert seen.count(None) == 1
    assert seen.count(Reason.CODE_REFUSED) == 3
    assert await world.tried(code=app.code()) is Reason.CODE_REFUSED
    assert await world.tried(code=app.code(-1)) is Reason.CODE_REFUSED
    world.later(seconds=30)
    assert await world.tried(code=app.code()) is None


async def test_asking_for_the_code_forgives_no_guessed_one(world: World) -> None:
    app = await enrolled(world)
    for _ in range(4):
        assert await world.tried(code=app.wrong_code()) is Reason.CODE_REFUSED
        for _ in range(3):
            assert await world.tried() is Reason.CODE_WANTED
    assert await world.tried(code=app.wrong_code()) is Reason.CODE_REFUSED
    assert await world.tried() is Reason.SIGN_IN_LOCKED


async def test_recovery_code_stands_in_once(world: World) -> None:
    app = await enrolled(world)
    recovery = app.codes[3].reveal()
    assert await world.tried(code=recovery.upper()) is None
    assert await world.tried(code=recovery) is Reason.CODE_REFUSED
    assert await world.tried(code=app.codes[4].reveal()) is None


async def test_confirming_takes_the_right_code_and_refuses_a_second_app(world: World) -> None:
    authenticator = world.authenticator
    secret = authenticator.enrol_totp(ANNA, "Dialback").secret
    with pytest.raises(Refused) as caught:
        await authenticator.confirm_totp(ANNA, secret, App(world, secret).wrong_code())
    assert caught.value.reason is Reason.CODE_REFUSED
    assert not await authenticator.has_totp(ANNA)
    await enrolled(world)
    with pytest.raises(Refused, match="set up already"):
        await enrolled(world)


async def test_codes_end_by_a_last_one_or_by_the_administrator(world: World) -> None:
    app = await enrolled(world)
    with pytest.raises(Refused):
        await world.authenticator.remove_totp(ANNA, app.wrong_code())
    await world.authenticator.remove_totp(ANNA, app.code())
    assert await world.tried() is None
    await enrolled(world)
    assert await world.tried() is Reason.CODE_WANTED
    await world.authenticator.reset_totp(ANNA)
    assert await world.tried() is None


async def test_new_recovery_codes_replace_the_old_ones(world: World) -> None:
    app = await enrolled(world)
    fresh = await world.authenticator.renew_recovery_codes(ANNA, app.code())
    assert await world.tried(code=app.codes[0].reveal()) is Reason.CODE_REFUSED
    assert await world.tried(code=fresh[0].reveal()) is None
    await world.authenticator.reset_totp(ANNA)
    with pytest.raises(Refused, match="not set up"):
        await world.authenticator.renew_recovery_codes(ANNA, "000000")


async def test_hash_of_older_parameters_is_made_anew(world: World) -> None:
    before = await world.accounts.credential(MAIN, ANNA.id)
    assert before is not None
    stronger = Passwords(hasher=PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    authenticator = Authenticator(
        world.accounts, world.directory, SignInSettings(), lambda: world.now, stronger
    )
    await authenticator.by_password("anna", GOOD, "", HERE)
    after = await world.accounts.credential(MAIN, ANNA.id)
    assert after is not None
    assert "m=16,t=2" in after.password_hash
    assert "m=8,t=1" in before.password_hash
    await authenticator.by_password("anna", GOOD, "", HERE)
    assert (await world.accounts.credential(MAIN, ANNA.id)).password_hash == after.password_hash  # type: ignore[union-attr]


async def test_password_that_was_replaced_while_it_was_checked_opens_nothing(world: World) -> None:
    invitation = await world.authenticator.invite(ANNA)
    verify = Passwords.verify

    async def slowly(self: Passwords, password: Secret, hash: str) -> bool:
        good = await verify(self, password, hash)
        await world.authenticator.accept(invitation, WRONG, HERE)
        return good

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Passwords, "verify", slowly)
        assert await world.tried() is Reason.SIGN_IN_REFUSED
    assert isinstance(await world.sign_in(WRONG), Opened)


async def test_names_that_nobody_has_are_remembered_up_to_a_bound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "MAX_STRANGERS", 3)
    for _ in range(5):
        await world.tried(WRONG, login="first")
    for name in ("second", "third", "fourth"):
        await world.tried(WRONG, login=name)
    assert await world.tried(WRONG, login="first") is Reason.SIGN_IN_REFUSED


async def test_namesake_in_another_tenant_is_somebody_else(world: World) -> None:
    theirs = await world.directory.save(User(OTHER, ANNA.id, ANNA.name))
    assert await world.tried(login="other\\anna") is Reason.SIGN_IN_REFUSED
    await world.invited(theirs, WRONG)
    assert (await world.sign_in(WRONG, login="other\\anna")).user.tenant == OTHER
    assert await world.tried(WRONG) is Reason.SIGN_IN_REFUSED

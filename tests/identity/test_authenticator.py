"""Sign-ins of every kind: how they open, whose they are, and when they are over."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.accounts import (
    MAX_CLIENT_CHARS,
    MAX_WORKSPACE_PASSWORDS,
    Origin,
    Program,
    Scope,
    SignInKind,
)
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GroupId, UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Group, Role, User
from dialback.identity.authenticator import DevicePoll, ExternalPerson, Opened, TooManyPasswords
from dialback.identity.settings import SignInSettings
from dialback.identity.tokens import make_token
from tests.identity.people import ANNA, GOOD, HERE, OTHER, WRONG, World, enrolled, make_world, refusal

ISSUER = "https://login.example/"
EVA = ExternalPerson(ISSUER, "subject-1", UserName("eva"), "Eva")
ALL = frozenset(Scope)


@pytest.fixture
async def world() -> World:
    return await make_world()


# Sign-ins.


async def test_sign_in_is_of_its_user_with_every_role_of_theirs(world: World) -> None:
    opened = await world.invited()
    person = await world.who(opened)
    assert person is not None
    assert (person.user, person.role, person.sign_in) == (ANNA, Role.USER, opened.sign_in)
    await world.directory.save(Group(MAIN, GroupId("g"), "Helpers", Role.HELPDESK))
    await world.directory.join(MAIN, GroupId("g"), ANNA.id)
    person = await world.who(opened)
    assert person is not None
    assert person.role is Role.HELPDESK


@pytest.mark.parametrize("kind", list(SignInKind))
async def test_sign_in_of_one_kind_is_none_of_another(world: World, kind: SignInKind) -> None:
    opened = await world.authenticator.open(ANNA, kind, "test", HERE)
    assert [each for each in SignInKind if await world.who(opened, each)] == [kind]


@pytest.mark.parametrize(
    "secret", ["", "x", "\ud800", make_token().reveal()], ids=["empty", "short", "surrogate", "drawn"]
)
async def test_secret_that_opened_nothing_is_nobodys(world: World, secret: str) -> None:
    await world.invited()
    assert await world.authenticator.who(Secret(secret), SignInKind.BROWSER) is None


async def test_browser_that_is_used_stays_signed_in_up_to_its_end(world: World) -> None:
    opened = await world.invited()
    for _ in range(14):
        world.later(minutes=50)
        assert await world.who(opened) is not None
    world.later(minutes=20)
    assert await world.who(opened) is None


async def test_browser_that_is_idle_is_signed_out(world: World) -> None:
    opened = await world.invited()
    world.later(minutes=59, seconds=59)
    assert await world.who(opened) is not None
    world.later(minutes=60)
    assert await world.who(opened) is None


@pytest.mark.parametrize(
    ("kind", "life"), [(SignInKind.FEED, timedelta(hours=1)), (SignInKind.CLI, timedelta(days=30))]
)
async def test_feed_and_command_line_are_good_for_their_time(
    world: World, kind: SignInKind, life: timedelta
) -> None:
    opened = await world.authenticator.open(ANNA, kind, "test", HERE)
    world.now += life - timedelta(seconds=1)
    assert await world.who(opened, kind) is not None
    world.later(seconds=1)
    assert await world.who(opened, kind) is None


async def test_sign_in_is_over_once_it_was_ended(world: World) -> None:
    first, second = (
        await world.invited(),
        await world.authenticator.open(ANNA, SignInKind.BROWSER, "test", HERE),
    )
    await world.authenticator.end(first.secret)
    await world.authenticator.end(first.secret)
    await world.authenticator.end(make_token())
    assert await world.who(first) is None
    assert await world.who(second) is not None
    assert await world.authenticator.end_all(ANNA) == 1
    assert await world.who(second) is None


async def test_sign_ins_of_a_user_are_those_that_could_still_be_used(world: World) -> None:
    browser = await world.invited()
    feed, cli = [
        await world.authenticator.open(ANNA, kind, "test", HERE) for kind in (SignInKind.FEED, SignInKind.CLI)
    ]
    world.later(minutes=59)
    assert await world.who(browser) is not None
    assert len(await world.authenticator.sign_ins_of(ANNA)) == 3
    world.later(minutes=1)
    assert feed.sign_in not in await world.authenticator.sign_ins_of(ANNA)
    assert len(await world.authenticator.sign_ins_of(ANNA)) == 2
    world.later(minutes=59)
    assert await world.authenticator.sign_ins_of(ANNA) == [cli.sign_in]
    assert await world.authenticator.end_all(ANNA) == 1
    assert await world.authenticator.sign_ins_of(ANNA) == []


async def test_disabled_or_removed_user_is_nobody_from_then_on(world: World) -> None:
    opened = await world.invited()
    disabled = await world.directory.save(replace(ANNA, disabled_at=world.now))
    assert await world.who(opened) is None
    assert await refusal(world.authenticator.open(disabled, SignInKind.CLI, "test", HERE)) is (
        Reason.USER_DISABLED
    )
    await world.directory.save(ANNA)
    assert await world.who(opened) is not None
    await world.directory.remove(User, MAIN, ANNA.id)
    assert await world.who(opened) is None


async def test_when_it_was_seen_is_not_written_at_each_request(world: World) -> None:
    opened = await world.invited()
    world.later(seconds=59)
    await world.who(opened)
    assert await world.accounts.sign_in(opened.sign_in.hash) == opened.sign_in
    world.later(seconds=1)
    await world.who(opened)
    kept = await world.accounts.sign_in(opened.sign_in.hash)
    assert kept == replace(opened.sign_in, seen_at=world.now)


async def test_what_a_client_calls_itself_is_bounded(world: World) -> None:
    endless = Origin("192.0.2.1", "x" * 10**6)
    opened = await world.authenticator.open(ANNA, SignInKind.FEED, "test", endless)
    assert len(opened.sign_in.origin.client) == MAX_CLIENT_CHARS


async def test_method_says_how_it_was_proved(world: World) -> None:
    assert (await world.invited()).sign_in.method == "invitation"
    assert (await world.sign_in()).sign_in.method == "password"
    app = await enrolled(world)
    assert (await world.sign_in(code=app.code())).sign_in.method == "password and code"


async def test_address_that_fails_on_many_names_must_wait() -> None:
    world = await make_world(SignInSettings(address_failures=5))
    await world.invited()
    seen = [await world.tried(WRONG, login=f"name{each}") for each in range(6)]
    assert seen == [Reason.SIGN_IN_REFUSED] * 5 + [Reason.SIGN_IN_LOCKED]
    assert await world.tried() is Reason.SIGN_IN_LOCKED
    elsewhere = world.authenticator.by_password("anna", GOOD, "", Origin("192.0.2.2"))
    assert isinstance(await elsewhere, Opened)
    world.later(minutes=15)
    assert await world.tried() is None


# Invitations.


async def test_invitation_sets_a_password_once_and_ends_what_was_open(world: World) -> None:
    first = await world.invited()
    invitation = await world.authenticator.invite(ANNA)
    assert await world.authenticator.invited(invitation) == ANNA
    second = await world.authenticator.accept(invitation, WRONG, HERE)
    assert await world.who(first) is None
    assert await world.who(second) is not None
    assert await world.tried(GOOD) is Reason.SIGN_IN_REFUSED
    assert await world.tried(WRONG) is None
    again = world.authenticator.accept(invitation, GOOD, HERE)
    assert await refusal(again) is Reason.INVITATION_USED


async def test_invitation_accepted_at_once_counts_once(world: World) -> None:
    invitation = await world.authenticator.invite(ANNA)
    accepting = [refusal(world.authenticator.accept(invitation, GOOD, HERE)) for _ in range(3)]
    seen = await asyncio.gather(*accepting)
    assert sorted(str(each) for each in seen) == ["None", "invitation-used", "invitation-used"]


async def test_invitation_that_is_none_old_or_replaced_is_named(world: World) -> None:
    accept = world.authenticator.accept
    assert await refusal(accept(make_token(), GOOD, HERE)) is Reason.INVITATION_UNKNOWN
    old = await world.authenticator.invite(ANNA)
    new = await world.authenticator.invite(ANNA)
    assert await refusal(accept(old, GOOD, HERE)) is Reason.INVITATION_UNKNOWN
    world.later(hours=72)
    assert await refusal(accept(new, GOOD, HERE)) is Reason.INVITATION_EXPIRED


async def test_weak_password_leaves_the_invitation_good(world: World) -> None:
    invitation = await world.authenticator.invite(ANNA)
    with pytest.raises(Refused, match="12 to 256 characters, got 5") as caught:
        await world.authenticator.accept(invitation, Secret("short"), HERE)
    assert caught.value.reason is Reason.PASSWORD_WEAK
    assert isinstance(await world.authenticator.accept(invitation, GOOD, HERE), Opened)


async def test_invitation_does_not_stand_in_for_the_code(world: World) -> None:
    await world.invited()
    app = await enrolled(world)
    invitation = await world.authenticator.invite(ANNA)
    accept = world.authenticator.accept
    assert await refusal(accept(invitation, WRONG, HERE)) is Reason.CODE_WANTED
    assert await refusal(accept(invitation, WRONG, HERE, app.wrong_code())) is Reason.CODE_REFUSED
    assert isinstance(await accept(invitation, WRONG, HERE, app.code()), Opened)


async def test_invitation_of_a_disabled_or_removed_user_is_good_for_nothing(world: World) -> None:
    invitation = await world.authenticator.invite(ANNA)
    await world.directory.save(replace(ANNA, disabled_at=world.now))
    assert await refusal(world.authenticator.accept(invitation, GOOD, HERE)) is Reason.USER_DISABLED
    await world.directory.remove(User, MAIN, ANNA.id)
    assert await refusal(world.authenticator.accept(invitation, GOOD, HERE)) is Reason.INVITATION_UNKNOWN


async def test_password_is_changed_by_who_knows_the_old_one_and_has_the_code(world: World) -> None:
    before = await world.invited()
    app = await enrolled(world)
    change = world.authenticator.change_password
    assert await refusal(change(ANNA, WRONG, WRONG, app.code(), HERE)) is Reason.SIGN_IN_REFUSED
    assert await refusal(change(ANNA, GOOD, WRONG, "", HERE)) is Reason.CODE_WANTED
    assert await refusal(change(ANNA, GOOD, Secret("short"), app.code(), HERE)) is Reason.PASSWORD_WEAK
    after = await change(ANNA, GOOD, WRONG, app.code(), HERE)
    assert await world.who(before) is None
    assert await world.who(after) is not None
    world.later(seconds=30)
    assert await world.tried(GOOD, app.code()) is Reason.SIGN_IN_REFUSED
    assert await world.tried(WRONG, app.code()) is None


# Providers.


async def test_unknown_person_becomes_a_user_if_that_is_wanted(world: World) -> None:
    by_external = world.authenticator.by_external
    assert await refusal(by_external(MAIN, EVA, False, HERE)) is Reason.IDENTITY_UNKNOWN
    opened = await by_external(MAIN, EVA, True, HERE)
    assert (opened.user.name, opened.user.display_name, opened.user.role) == ("eva", "Eva", Role.USER)
    assert opened.sign_in.method == f"provider {ISSUER}"
    again = await by_external(MAIN, replace(EVA, name=UserName("renamed")), False, HERE)
    assert again.user == opened.user


async def test_identity_is_issuer_and_subject_in_one_tenant(world: World) -> None:
    await world.authenticator.by_external(MAIN, EVA, True, HERE)
    for other in (replace(EVA, subject="subject-2"), replace(EVA, issuer="https://evil.example/")):
        taken = world.authenticator.by_external(MAIN, other, True, HERE)
        assert await refusal(taken) is Reason.IDENTITY_NAME_TAKEN
    elsewhere = world.authenticator.by_external(OTHER, EVA, False, HERE)
    assert await refusal(elsewhere) is Reason.IDENTITY_UNKNOWN


async def test_of_two_who_claim_a_name_at_once_one_gets_the_user(world: World) -> None:
    claims = [replace(EVA, name=ANNA.name, subject=f"subject-{each}") for each in range(4)]
    claiming = [refusal(world.authenticator.by_external(MAIN, claim, True, HERE)) for claim in claims]
    seen = await asyncio.gather(*claiming)
    assert seen.count(None) == 1
    assert seen.count(Reason.IDENTITY_NAME_TAKEN) == 3


async def test_user_nobody_is_yet_becomes_the_persons(world: World) -> None:
    opened = await world.authenticator.by_external(MAIN, replace(EVA, name=ANNA.name), False, HERE)
    assert opened.user.id == ANNA.id


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMINISTRATOR, Role.HELPDESK])
async def test_user_with_a_role_is_nobodys_by_name_alone(world: World, role: Role) -> None:
    await world.directory.save(replace(ANNA, role=role))
    claimed = world.authenticator.by_external(MAIN, replace(EVA, name=ANNA.name), True, HERE)
    assert await refusal(claimed) is Reason.IDENTITY_NAME_TAKEN


async def test_user_with_a_role_by_group_or_a_password_is_nobodys_by_name_alone(world: World) -> None:
    claim = replace(EVA, name=ANNA.name)
    await world.directory.save(Group(MAIN, GroupId("g"), "Helpers", Role.HELPDESK))
    await world.directory.join(MAIN, GroupId("g"), ANNA.id)
    by_external = world.authenticator.by_external
    assert await refusal(by_external(MAIN, claim, True, HERE)) is Reason.IDENTITY_NAME_TAKEN
    await world.directory.leave(MAIN, GroupId("g"), ANNA.id)
    await world.invited()
    assert await refusal(by_external(MAIN, claim, True, HERE)) is Reason.IDENTITY_NAME_TAKEN


async def test_provider_says_role_and_groups_at_each_sign_in(world: World) -> None:
    for name in ("Staff", "Interns", "Own"):
        await world.directory.save(Group(MAIN, GroupId(name), name))

    async def groups_after(**said: bool) -> list[str]:
        person = replace(EVA, role=Role.HELPDESK, groups={**said, "Missing": True})
        opened = await world.authenticator.by_external(MAIN, person, True, HERE)
        assert opened.user.role is Role.HELPDESK
        return [group.name for group in await world.directory.groups_of(MAIN, opened.user.id)]

    assert await groups_after(Staff=True, Interns=False) == ["Staff"]
    eva = await world.directory.find(User, MAIN, "eva")
    assert eva is not None
    await world.directory.join(MAIN, GroupId("Own"), eva.id)
    assert await groups_after(Staff=False, Interns=True) == ["Interns", "Own"]
    demoted = await world.authenticator.by_external(MAIN, replace(EVA, role=Role.USER), True, HERE)
    assert demoted.user.role is Role.USER


async def test_disabled_user_is_not_let_in_by_a_provider(world: World) -> None:
    opened = await world.authenticator.by_external(MAIN, EVA, True, HERE)
    await world.directory.save(replace(opened.user, disabled_at=world.now))
    promoted = world.authenticator.by_external(MAIN, replace(EVA, role=Role.OWNER), True, HERE)
    assert await refusal(promoted) is Reason.USER_DISABLED
    kept = await world.directory.get(User, MAIN, opened.user.id)
    assert kept is not None
    assert kept.role is Role.USER


async def test_provider_does_not_become_known_by_a_name_that_is_disabled(world: World) -> None:
    anna = await world.directory.save(replace(ANNA, disabled_at=world.now))
    claim = world.authenticator.by_external(MAIN, replace(EVA, name=ANNA.name), True, HERE)
    assert await refusal(claim) is Reason.USER_DISABLED
    assert await world.accounts.identities_of(MAIN, anna.id) == []


async def test_name_that_is_none_is_refused_in_words(world: World) -> None:
    with pytest.raises(ValueError, match="user name"):
        await world.authenticator.by_external(MAIN, replace(EVA, name=UserName("a\r\nb")), True, HERE)


# Workspace passwords.


async def test_workspace_password_opens_the_feed_alone(world: World) -> None:
    password, secret = await world.authenticator.make_workspace_password(ANNA, "Phone")
    opened = await world.authenticator.by_workspace_password("anna", secret, HERE)
    assert opened.sign_in.kind is SignInKind.FEED
    assert await world.who(opened, SignInKind.FEED) is not None
    assert await world.tried(secret) is Reason.SIGN_IN_REFUSED
    (kept,) = await world.accounts.workspace_passwords(MAIN, ANNA.id)
    assert kept == replace(password, used_at=world.now)


@pytest.mark.parametrize("login", ["nobody", "other\\anna", "", "a\nb"])
async def test_workspace_password_opens_nothing_for_another(world: World, login: str) -> None:
    await world.directory.save(User(OTHER, ANNA.id, ANNA.name))
    _, secret = await world.authenticator.make_workspace_password(ANNA, "Phone")
    await world.invited()
    by_workspace_password = world.authenticator.by_workspace_password
    assert await refusal(by_workspace_password(login, secret, HERE)) is Reason.SIGN_IN_REFUSED
    assert await refusal(by_workspace_password("anna", GOOD, HERE)) is Reason.SIGN_IN_REFUSED


async def test_revoked_workspace_password_ends_what_it_opened_and_nothing_else(world: World) -> None:
    authenticator = world.authenticator
    phone, phone_secret = await authenticator.make_workspace_password(ANNA, "Phone")
    _, laptop_secret = await authenticator.make_workspace_password(ANNA, "Laptop")
    on_phone = await authenticator.by_workspace_password("anna", phone_secret, HERE)
    on_laptop = await authenticator.by_workspace_password("anna", laptop_secret, HERE)
    assert await authenticator.revoke_workspace_password(ANNA, phone.id)
    assert not await authenticator.revoke_workspace_password(ANNA, phone.id)
    assert await world.who(on_phone, SignInKind.FEED) is None
    assert await world.who(on_laptop, SignInKind.FEED) is not None
    again = authenticator.by_workspace_password("anna", phone_secret, HERE)
    assert await refusal(again) is Reason.SIGN_IN_REFUSED
    assert await refusal(authenticator.open_feed(ANNA, phone, HERE)) is Reason.SIGN_IN_REFUSED


async def test_revoked_workspace_password_says_no_more_where_its_user_is(world: World) -> None:
    phone, secret = await world.authenticator.make_workspace_password(ANNA, "Phone")
    await world.authenticator.by_workspace_password("anna", secret, HERE)
    assert await world.accounts.last_sign_in(MAIN, ANNA.id, HERE.address) is not None
    await world.authenticator.revoke_workspace_password(ANNA, phone.id)
    assert await world.accounts.last_sign_in(MAIN, ANNA.id, HERE.address) is None


async def test_workspace_passwords_of_a_user_are_bounded(world: World) -> None:
    made = [
        await world.authenticator.make_workspace_password(ANNA, f"Device {each}")
        for each in range(MAX_WORKSPACE_PASSWORDS)
    ]
    with pytest.raises(TooManyPasswords, match="revoke one"):
        await world.authenticator.make_workspace_password(ANNA, "Another")
    await world.authenticator.revoke_workspace_password(ANNA, made[0][0].id)
    await world.authenticator.make_workspace_password(ANNA, "Another")


async def test_guessing_workspace_passwords_makes_the_address_wait() -> None:
    world = await make_world(SignInSettings(address_failures=5))
    _, secret = await world.authenticator.make_workspace_password(ANNA, "Phone")
    for _ in range(5):
        await refusal(world.authenticator.by_workspace_password("anna", WRONG, HERE))
    waiting = world.authenticator.by_workspace_password("anna", secret, HERE)
    assert await refusal(waiting) is Reason.SIGN_IN_LOCKED


# Device codes.


async def test_command_line_is_let_in_once_the_person_approves(world: World) -> None:
    authenticator = world.authenticator
    person = await world.who(await world.invited())
    assert person is not None
    secret, user_code, _ = await authenticator.begin_device(Origin("192.0.2.9", "dialback"))
    assert await authenticator.poll_device(secret, HERE) is DevicePoll.PENDING
    waiting = await authenticator.device(user_code)
    assert waiting is not None
    assert waiting.origin.address == "192.0.2.9"
    assert await authenticator.approve_device(user_code.lower().replace("-", " "), person)
    opened = await authenticator.poll_device(secret, HERE)
    assert isinstance(opened, Opened)
    assert await world.who(opened, SignInKind.CLI) is not None
    assert await authenticator.poll_device(secret, HERE) is DevicePoll.EXPIRED
    assert not await authenticator.approve_device(user_code, person)


async def test_command_line_is_refused_or_forgotten(world: World) -> None:
    authenticator = world.authenticator
    secret, user_code, _ = await authenticator.begin_device(HERE)
    assert await authenticator.deny_device(user_code)
    assert not await authenticator.deny_device(user_code)
    assert await authenticator.poll_device(secret, HERE) is DevicePoll.DENIED
    secret, user_code, expires_at = await authenticator.begin_device(HERE)
    world.now = expires_at
    assert await authenticator.poll_device(secret, HERE) is DevicePoll.EXPIRED
    assert await authenticator.device(user_code) is None
    assert await authenticator.poll_device(make_token(), HERE) is DevicePoll.EXPIRED


async def test_command_line_of_who_was_disabled_meanwhile_is_not_let_in(world: World) -> None:
    person = await world.who(await world.invited())
    assert person is not None
    secret, user_code, _ = await world.authenticator.begin_device(HERE)
    await world.authenticator.approve_device(user_code, person)
    await world.directory.save(replace(ANNA, disabled_at=world.now))
    assert await refusal(world.authenticator.poll_device(secret, HERE)) is Reason.USER_DISABLED


async def test_address_cannot_begin_without_end() -> None:
    world = await make_world(SignInSettings(address_failures=5))
    begun = [await refusal(world.authenticator.begin_device(HERE)) for _ in range(6)]
    assert begun == [None] * 5 + [Reason.SIGN_IN_LOCKED]
    await world.invited()
    assert await world.tried() is None


async def test_address_that_failed_too_often_may_begin() -> None:
    world = await make_world(SignInSettings(address_failures=5))
    for each in range(5):
        await world.tried(WRONG, login=f"nobody {each}")
    assert await world.tried() is Reason.SIGN_IN_LOCKED
    assert await refusal(world.authenticator.begin_device(HERE)) is None


# API tokens.


async def test_api_token_is_good_until_it_expires_or_is_revoked(world: World) -> None:
    make, ask = world.authenticator.make_api_token, world.authenticator.program
    token, secret = await make(MAIN, "backup", ALL, ANNA.name, timedelta(days=1))
    endless, endless_secret = await make(MAIN, "monitor", frozenset(), ANNA.name)
    assert await ask(secret) == Program(token, Role.ADMINISTRATOR)
    world.later(days=1)
    assert await ask(secret) is None
    found = await ask(endless_secret)
    assert found is not None
    assert (found.token.tenant, found.token.id, found.token.scopes) == (MAIN, endless.id, frozenset())
    await world.accounts.revoke_api_token(MAIN, endless.id, world.now)
    assert await ask(endless_secret) is None
    assert await ask(make_token()) is None


@pytest.mark.parametrize("role", Role)
async def test_api_token_never_exceeds_who_made_it(world: World, role: Role) -> None:
    anna = await world.directory.save(replace(ANNA, role=role))
    _, secret = await world.authenticator.make_api_token(MAIN, "backup", ALL, ANNA.name, user=ANNA.id)
    found = await world.authenticator.program(secret)
    assert found is not None
    assert found.role is (Role.ADMINISTRATOR if role is Role.OWNER else role)
    anna = await world.directory.save(replace(anna, disabled_at=world.now))
    assert await world.authenticator.program(secret) is None
    await world.directory.save(replace(anna, disabled_at=None))
    assert await world.authenticator.program(secret) is not None
    await world.directory.remove(User, MAIN, ANNA.id)
    assert await world.authenticator.program(secret) is None
    await world.directory.save(replace(ANNA, role=Role.OWNER))
    assert await world.authenticator.program(secret) is None


async def test_when_a_token_was_used_is_kept_by_the_minute(world: World) -> None:
    token, secret = await world.authenticator.make_api_token(MAIN, "backup", ALL, ANNA.name)
    began = world.now
    await world.authenticator.program(secret)
    world.later(seconds=59)
    await world.authenticator.program(secret)
    assert await world.accounts.api_tokens(MAIN) == [replace(token, used_at=began)]
    world.later(seconds=1)
    await world.authenticator.program(secret)
    assert await world.accounts.api_tokens(MAIN) == [replace(token, used_at=world.now)]


async def test_user_can_sign_in_by_password_or_by_a_provider(world: World) -> None:
    assert not await world.authenticator.can_sign_in(ANNA)
    await world.invited()
    assert await world.authenticator.can_sign_in(ANNA)
    eva = (await world.authenticator.by_external(MAIN, EVA, True, HERE)).user
    assert await world.authenticator.can_sign_in(eva)
    assert not await world.authenticator.has_password(replace(ANNA, id=UserId("eva")))

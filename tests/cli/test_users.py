"""Users and groups on the data folder."""

from datetime import UTC, datetime

import pytest
from pyotp import TOTP

from dialback.domain.accounts import Origin, SignInKind
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.store.sql import SqlStore
from tests.cli.conftest import Terminal, assert_harmless
from tests.identity.held import hand_out, holds_nothing

HERE = Origin("192.0.2.1")
PASSWORD = Secret("a long enough passphrase")


def authenticator(store: SqlStore) -> Authenticator:
    return Authenticator(store.accounts, store.directory, SignInSettings())


def test_list_without_users_says_what_to_do(terminal: Terminal) -> None:
    assert "dialback user add" in terminal.good("user", "list")
    assert "dialback group add" in terminal.good("group", "list")
    assert terminal.json("user", "list") == terminal.json("group", "list") == []


def test_user_is_made_with_role_and_groups(terminal: Terminal) -> None:
    terminal.good("group", "add", "Helpers", "--role", "helpdesk")
    words = ("--role", "administrator", "--group", "helpers", "--display-name", "Anna A.")
    assert "dialback user invite" in terminal.good("user", "add", "anna", *words)

    (user,) = terminal.json("user", "list")
    assert (user["name"], user["role"], user["display_name"]) == ("anna", "administrator", "Anna A.")
    (group,) = terminal.json("group", "list")
    assert (group["name"], group["role"]) == ("Helpers", "helpdesk")

    async def groups(store: SqlStore) -> list[str]:
        return [each.name for each in await store.directory.groups_of(MAIN, user["id"])]

    assert terminal.store(groups) == ["Helpers"]


def test_invitation_is_a_link_that_lets_the_user_in(terminal: Terminal) -> None:
    terminal.good("user", "add", "anna")
    link = terminal.good("user", "invite", "anna").strip()
    begin, _, secret = link.rpartition("/")
    assert begin.startswith("https://127.0.0.1:")
    assert begin.endswith("/invitation")

    async def accept(store: SqlStore) -> str:
        opened = await authenticator(store).accept(Secret(secret), PASSWORD, HERE)
        return opened.user.name

    assert terminal.store(accept) == "anna"


def test_disabled_user_is_signed_out_until_enabled(terminal: Terminal) -> None:
    terminal.good("user", "add", "anna")

    async def open_one(store: SqlStore) -> Secret:
        user = await store.directory.find(User, MAIN, "anna")
        assert user is not None
        await hand_out(store, user, datetime.now(UTC))
        return (await authenticator(store).open(user, SignInKind.BROWSER, "test", HERE)).secret

    secret = terminal.store(open_one)
    terminal.good("user", "disable", "anna")

    async def is_somebody(store: SqlStore) -> bool:
        return await authenticator(store).who(secret, SignInKind.BROWSER) is not None

    assert not terminal.store(is_somebody)
    assert terminal.json("user", "list")[0]["disabled_at"]
    assert "disabled" in terminal.bad("user", "invite", "anna")
    terminal.good("user", "enable", "anna")
    assert terminal.json("user", "list")[0]["disabled_at"] is None
    # What ended does not come back.
    assert not terminal.store(is_somebody)

    async def nothing(store: SqlStore) -> bool:
        user = await store.directory.find(User, MAIN, "anna")
        return user is not None and await holds_nothing(store, store.accounts, user)

    assert terminal.store(nothing)


def test_reset_totp_asks_for_no_codes(terminal: Terminal) -> None:
    terminal.good("user", "add", "anna")

    async def enrol(store: SqlStore) -> None:
        user = await store.directory.find(User, MAIN, "anna")
        assert user is not None
        known = authenticator(store)
        secret = known.enrol_totp(user, "Dialback").secret
        await known.confirm_totp(user, secret, TOTP(secret.reveal()).now())
        assert await known.has_totp(user)

    async def has_totp(store: SqlStore) -> bool:
        user = await store.directory.find(User, MAIN, "anna")
        assert user is not None
        return await authenticator(store).has_totp(user)

    terminal.store(enrol)
    terminal.good("user", "reset-totp", "anna")
    assert not terminal.store(has_totp)


def test_member_joins_and_leaves(terminal: Terminal) -> None:
    terminal.good("user", "add", "anna")
    terminal.good("group", "add", "Helpers")
    terminal.good("group", "join", "Helpers", "anna")

    async def members(store: SqlStore) -> list[str]:
        user = await store.directory.find(User, MAIN, "anna")
        assert user is not None
        return [each.name for each in await store.directory.groups_of(MAIN, user.id)]

    assert terminal.store(members) == ["Helpers"]
    terminal.good("group", "leave", "Helpers", "anna")
    assert terminal.store(members) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user", "invite", "nobody"), "There is no user 'nobody'"),
        (("user", "disable", "nobody"), "There is no user 'nobody'"),
        (("user", "add", "ben", "--group", "None"), "There is no group 'None'"),
        (("group", "join", "None", "anna"), "There is no group 'None'"),
        (("user", "add", "ANNA"), "another one has this name"),
        (("user", "add", " anna"), "without spaces around them"),
        (("user", "add", "ben", "--tenant", "nowhere"), "There is no tenant 'nowhere'"),
    ],
)
def test_mistake_is_one_sentence(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    terminal.good("user", "add", "anna")
    assert said in terminal.bad(*words)
    assert [user["name"] for user in terminal.json("user", "list")] == ["anna"]


def test_hostile_name_is_shown_harmlessly(terminal: Terminal) -> None:
    assert_harmless(terminal.bad("user", "disable", "\x1b[2J[bold]"))


def test_role_that_is_none_is_refused(terminal: Terminal) -> None:
    assert terminal.data("user", "add", "x", "--role", "emperor").exit_code == 2

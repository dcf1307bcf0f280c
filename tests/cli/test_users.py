"""Users, on the data folder and over the API of a server."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest
from pyotp import TOTP

from dialback.domain.accounts import Origin, SignInKind
from dialback.domain.ids import UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN, Group, User
from dialback.identity.authenticator import Authenticator
from dialback.identity.settings import SignInSettings
from dialback.store.sql import SqlStore
from tests.cli.conftest import Terminal, assert_harmless, sentence
from tests.cli.remote import ACME, Served
from tests.identity.held import hand_out, holds_nothing

HERE = Origin("192.0.2.1")
PASSWORD = Secret("a long enough passphrase")


def authenticator(store: SqlStore) -> Authenticator:
    return Authenticator(store.accounts, store.directory, SignInSettings())


def test_list_without_users_says_what_to_do(terminal: Terminal) -> None:
    assert "dialback user add" in terminal.good("user", "list")
    assert terminal.json("user", "list") == []


def test_user_is_made_with_role_and_groups(terminal: Terminal) -> None:
    terminal.good("group", "add", "Helpers", "--role", "helpdesk")
    words = ("--role", "administrator", "--group", "helpers", "--display-name", "Anna A.")
    assert "dialback user invite" in terminal.good("user", "add", "anna", *words)

    (user,) = terminal.json("user", "list")
    assert set(user) == {each.name for each in fields(User)}
    assert user["tenant"] == MAIN
    assert (user["name"], user["role"], user["display_name"]) == ("anna", "administrator", "Anna A.")
    (group,) = terminal.json("group", "list")
    assert set(group) == {each.name for each in fields(Group)}
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user", "invite", "nobody"), "There is no user 'nobody'"),
        (("user", "disable", "nobody"), "There is no user 'nobody'"),
        (("user", "add", "ben", "--group", "None"), "There is no group 'None'"),
        (("user", "add", "ANNA"), "Another of the same kind has this name"),
        (("user", "add", " anna"), "without spaces around them"),
        (("user", "add", "ben", "--tenant", "nowhere"), "There is no tenant 'nowhere'"),
    ],
)
def test_mistake_is_one_sentence(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    terminal.good("user", "add", "anna")
    assert said in terminal.bad(*words)
    assert [user["name"] for user in terminal.json("user", "list")] == ["anna"]


def test_nobody_is_taken_for_the_one_whose_name_is_their_id(terminal: Terminal) -> None:
    terminal.store(lambda store: store.directory.save(User(MAIN, UserId("u-1"), UserName("anna"))))
    terminal.store(lambda store: store.directory.save(User(MAIN, UserId("anna"), UserName("mallory"))))
    terminal.good("group", "add", "Helpers")

    for words in (("user", "disable", "anna"), ("group", "join", "Helpers", "anna")):
        said = terminal.bad(*words)
        assert said.startswith("'anna' is the id of the user 'mallory'")
        assert said.endswith("say 'mallory' or 'u-1'.")
    terminal.good("user", "disable", "u-1")
    terminal.good("group", "join", "Helpers", "mallory")

    disabled = {user["name"]: user["disabled_at"] for user in terminal.json("user", "list")}
    assert disabled["anna"]
    assert disabled["mallory"] is None


def test_hostile_name_is_shown_harmlessly(terminal: Terminal) -> None:
    assert_harmless(terminal.bad("user", "disable", "\x1b[2J[bold]"))


def test_role_that_is_none_is_refused(terminal: Terminal) -> None:
    assert terminal.data("user", "add", "x", "--role", "emperor").exit_code == 2


def test_user_of_a_tenant_that_is_named_is_made_without_a_server(terminal: Terminal) -> None:
    terminal.tenant("acme")

    terminal.good("user", "add", "ada", "--role", "owner", "--tenant", "acme")

    assert [user["name"] for user in terminal.json("user", "list", "--tenant", "acme")] == ["ada"]
    assert terminal.json("user", "list") == []
    assert terminal.good("user", "invite", "ada", "--tenant", "acme").startswith("https://")
    actions = [entry["action"] for entry in terminal.json("audit", "list", "--tenant", "acme")]
    assert actions == ["user.invite", "user.save"]


def test_owner_who_is_signed_in_does_all_of_it_in_their_tenant(terminal: Terminal, remote: Served) -> None:
    remote.sign_in("olga", ACME)

    def good(*words: str) -> str:
        result = terminal.run(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    good("group", "add", "Helpers", "--role", "helpdesk")
    good("user", "add", "ben", "--group", "helpers")
    assert good("user", "invite", "ben").startswith("https://")
    for action in ("disable", "enable", "reset-totp", "end-sign-ins", "revoke-files"):
        good("user", action, "ben")

    assert "ben" in good("user", "list")
    assert "ben" not in terminal.good("user", "list")
    # The server answers before the last entries are written.
    assert remote.ask(remote.auditor.settled(10))
    entries = terminal.json("audit", "list", "--tenant", "acme", "--actor", "olga")
    assert [entry["action"] for entry in reversed(entries)] == [
        "group.save",
        "user.save",
        "group.join",
        "user.invite",
        "user.disable",
        "user.enable",
        "one-time-codes.remove",
        "sign-in.end",
        "connection-file.revoke",
    ]


def test_plain_user_is_told_which_role_it_takes(terminal: Terminal, remote: Served) -> None:
    remote.sign_in("anne")

    assert "expected administrator, got user" in sentence(terminal.run("user", "add", "ben"))


def test_workspace_passwords_of_a_lost_laptop_are_listed_and_revoked(terminal: Terminal) -> None:
    terminal.good("user", "add", "anna")

    async def make(store: SqlStore) -> str:
        user = await store.directory.find(User, MAIN, "anna")
        assert user is not None
        return (await authenticator(store).make_workspace_password(user, "laptop"))[0].id

    id = terminal.store(make)
    (shown,) = terminal.json("user", "workspace-passwords", "anna")
    assert (shown["id"], shown["device"]) == (id, "laptop")
    assert "laptop" in terminal.good("user", "workspace-passwords", "anna")

    terminal.good("user", "revoke-workspace-password", "anna", id)

    assert "no workspace password" in terminal.good("user", "workspace-passwords", "anna")
    assert "There is no such thing" in terminal.bad("user", "revoke-workspace-password", "anna", id)


def test_how_many_sign_ins_and_files_ended_is_said(terminal: Terminal) -> None:
    terminal.good("user", "add", "anna")

    async def open_one(store: SqlStore) -> None:
        user = await store.directory.find(User, MAIN, "anna")
        assert user is not None
        await authenticator(store).open(user, SignInKind.BROWSER, "test", HERE)

    terminal.store(open_one)
    assert terminal.good("user", "end-sign-ins", "anna") == "Ended 1 sign-ins of 'anna'.\n"
    assert terminal.good("user", "revoke-files", "anna") == "Revoked 0 files of 'anna'.\n"

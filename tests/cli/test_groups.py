"""Groups and their members."""

from dialback.domain.tenancy import MAIN, User
from dialback.store.sql import SqlStore
from tests.cli.conftest import Terminal, assert_harmless


def test_list_without_groups_says_what_to_do(terminal: Terminal) -> None:
    assert "dialback group add" in terminal.good("group", "list")
    assert terminal.json("group", "list") == []


def test_group_is_listed_with_the_role_it_gives(terminal: Terminal) -> None:
    terminal.good("group", "add", "Helpers", "--role", "helpdesk")

    assert "helpdesk" in terminal.good("group", "list")


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


def test_group_or_user_that_is_none_is_named(terminal: Terminal) -> None:
    terminal.good("group", "add", "Helpers")

    assert "There is no group 'None'; `dialback group list`" in terminal.bad("group", "join", "None", "anna")
    assert "There is no user 'anna'; `dialback user list`" in terminal.bad(
        "group", "leave", "Helpers", "anna"
    )
    assert_harmless(terminal.bad("group", "join", "\x1b[2J[bold]", "anna"))

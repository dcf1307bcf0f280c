from tests.cli.conftest import Terminal
from tests.cli.remote import Served


def test_users_and_groups_are_assigned_and_taken_back(terminal: Terminal, remote: Served) -> None:
    terminal.good("pool", "set", "office")
    terminal.good("workspace", "set-group", "desktops", "--pool", "office")
    terminal.good("group", "add", "staff")

    said = terminal.good("assign", "desktops", "--user", "anne", "--user", "bob", "--group", "staff")
    assert said == "Assigned desktops to anne, bob, staff.\n"

    said = terminal.good("unassign", "desktops", "--user", "anne")
    assert said == "desktops is no longer assigned to anne.\n"
    assert "no such thing" in terminal.bad("unassign", "desktops", "--user", "anne")


def test_whom_and_what_must_be_there(terminal: Terminal, remote: Served) -> None:
    assert "Say to whom" in terminal.bad("assign", "desktops")
    assert "There is no application group" in terminal.bad("assign", "desktops", "--user", "anne")

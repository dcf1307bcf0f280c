from tests.cli.conftest import Terminal
from tests.cli.remote import Served


def test_workspace_shows_the_groups_in_it(terminal: Terminal, remote: Served) -> None:
    terminal.good("pool", "set", "office")
    terminal.good("workspace", "set", "work", "--name", "Work", "--description", "For all")
    terminal.good("workspace", "set-group", "desktops", "--pool", "office", "--workspace", "Work")

    listed = terminal.json("workspace", "list")
    assert [(each["id"], each["description"]) for each in listed["workspaces"]] == [("work", "For all")]
    group = next(each for each in listed["application_groups"] if each["id"] == "desktops")
    assert (group["pool"], group["workspace"], group["kind"]) == ("office", "work", "desktop")
    assert "Work" in terminal.good("workspace", "list")

    terminal.good("workspace", "set", "work", "--name", "Werk")
    assert terminal.json("workspace", "list")["workspaces"][0]["description"] == "For all"
    assert "refers to it" in terminal.bad("workspace", "remove", "work")

    terminal.good("workspace", "set-group", "desktops", "--name", "Desktops", "--workspace", "")
    assert "Werk" in terminal.good("workspace", "list")
    terminal.good("workspace", "remove", "Werk")
    terminal.good("workspace", "remove-group", "Desktops")
    assert "There is no application group" in terminal.bad("workspace", "remove-group", "Desktops")


def test_group_without_pool_is_refused_with_the_field(terminal: Terminal, remote: Served) -> None:
    assert "does not fit: pool:" in terminal.bad("workspace", "set-group", "desktops")
    assert "There is no host pool 'none'" in terminal.bad("workspace", "set-group", "x", "--pool", "none")

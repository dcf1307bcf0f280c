from pathlib import Path

from tests.cli.conftest import Terminal
from tests.cli.remote import Served


def test_pool_is_made_changed_shown_and_removed(terminal: Terminal, remote: Served) -> None:
    assert "Made host pool office" in terminal.good("pool", "set", "office", "--name", "Office")
    terminal.good("pool", "set", "office", "--session-limit", "5", "--load-balancing", "depth-first")
    terminal.good("pool", "set", "office", "--redirect", "drives", "--step-up", "--step-up-timeout", "90")
    terminal.good("pool", "set", "office", "--wake-command", "wake {host}")

    pool = terminal.json("pool", "show", "Office")
    assert (pool["id"], pool["name"], pool["session_limit"]) == ("office", "Office", 5)
    assert (pool["load_balancing"], pool["redirections"]) == ("depth-first", ["drives"])
    assert pool["step_up"] == {"wanted": True, "timeout_s": 90, "remembered_hours": 0}
    assert pool["start_on_connect"]["what"] == "wake {host}"
    assert "office" in [each["id"] for each in terminal.json("pool", "list")]
    assert "Office" in terminal.good("pool", "list")

    terminal.good("pool", "set", "office", "--no-redirection", "--wake-command", "")
    pool = terminal.json("pool", "show", "office")
    assert (pool["redirections"], pool["start_on_connect"], pool["session_limit"]) == ([], None, 5)

    terminal.good("pool", "remove", "office")
    assert "There is no host pool 'office'" in terminal.bad("pool", "show", "office")


def test_deadline_stays_where_another_command_wakes_hosts(
    terminal: Terminal, remote: Served, tmp_path: Path
) -> None:
    file = tmp_path / "pool.yaml"
    wake = "{method: command, what: wake a, deadline_s: 300}"
    file.write_text(f"host_pools: {{office: {{name: Office, start_on_connect: {wake}}}}}")
    terminal.good("apply", file)

    for method, option, what in (
        ("command", "command", "wake b"),
        ("webhook", "url", "https://wake.example"),
    ):
        terminal.good("pool", "set", "office", f"--wake-{option}", what)
        pool = terminal.json("pool", "show", "office")
        assert pool["start_on_connect"] == {"method": method, "what": what, "deadline_s": 300}


def test_limit_can_be_taken_away_where_no_rule_needs_it(terminal: Terminal, remote: Served) -> None:
    terminal.good("pool", "set", "office", "--session-limit", "5", "--load-balancing", "depth-first")

    assert "no host would ever be full" in terminal.bad("pool", "set", "office", "--session-limit", "0")

    terminal.good("pool", "set", "office", "--session-limit", "0", "--load-balancing", "breadth-first")
    assert terminal.json("pool", "show", "office")["session_limit"] is None


def test_hosts_of_a_pool_are_weighed_owned_drained_and_taken_out(terminal: Terminal, remote: Served) -> None:
    terminal.good("pool", "set", "office")
    terminal.good("pool", "add-host", "office", "desk-1", "--weight", "50", "--owner", "anne")
    terminal.good("pool", "drain", "desk-1")

    host = terminal.json("pool", "show", "office")["hosts"][0]
    assert (host["host"], host["weight"], host["owner"], host["drained"]) == ("h1", 50, "u-anne", True)
    assert (host["sessions"], host["link_up"]) == (1, True)
    assert "desk-1" in terminal.good("pool", "show", "office")

    terminal.good("pool", "undrain", "h1")
    terminal.good("pool", "add-host", "office", "desk-1", "--owner", "")
    host = terminal.json("pool", "show", "office")["hosts"][0]
    assert (host["weight"], host["owner"], host["drained"]) == (50, None, False)

    assert "something still refers" in terminal.bad("pool", "remove", "office").casefold()
    terminal.good("pool", "remove-host", "office", "desk-1")
    assert terminal.json("pool", "show", "office")["hosts"] == []
    assert "in no host pool" in terminal.bad("pool", "drain", "desk-1")


def test_what_is_not_there_is_named(terminal: Terminal, remote: Served) -> None:
    terminal.good("pool", "set", "office")

    assert "There is no host 'nowhere'" in terminal.bad("pool", "add-host", "office", "nowhere")
    assert "There is no user 'eve'" in terminal.bad("pool", "add-host", "office", "desk-1", "--owner", "eve")
    assert "There is no host pool 'x'" in terminal.bad("pool", "remove", "x")
    assert "A-Z, a-z" in terminal.bad("pool", "set", "no id")

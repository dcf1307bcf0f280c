from tests.cli.conftest import Terminal, sentence
from tests.cli.remote import Served


def test_token_is_shown_once_used_and_revoked(terminal: Terminal, remote: Served) -> None:
    secret = terminal.good("token", "make", "robot", "--scope", "hosts:read", "--days", "0").strip()
    ca = str(terminal.folder / "ca.pem")
    where = ("--server", remote.address, "--token", secret, "--ca", ca)

    assert terminal.run("whoami", *where).exit_code == 0
    assert "scopes do not allow this" in sentence(terminal.run("pool", "list", *where))

    (listed,) = terminal.json("token", "list")
    assert (listed["name"], listed["scopes"], listed["expires_at"]) == ("robot", ["hosts:read"], None)
    assert secret not in terminal.good("token", "list")

    terminal.good("token", "revoke", listed["id"])
    assert "sign in" in sentence(terminal.run("whoami", *where))


def test_token_is_made_as_json_for_programs(terminal: Terminal, remote: Served) -> None:
    made = terminal.json("token", "make", "robot", "--scope", "hosts:read", "--scope", "audit:read")

    assert made["scopes"] == ["audit:read", "hosts:read"]
    assert made["expires_at"] is not None


def test_list_without_tokens_says_what_to_do(terminal: Terminal, remote: Served) -> None:
    assert "dialback token make" in terminal.good("token", "list")

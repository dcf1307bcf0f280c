import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dialback.app.certificates import server_certificates
from dialback.cli.api import login_path
from dialback.web.api import own
from tests.cli.conftest import Terminal, sentence
from tests.cli.remote import Served

COMMAND = [sys.executable, "-c", "from dialback.cli.main import main; main()"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "POLL_INTERVAL_S", 1)


@contextmanager
def signing_in(*words: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Begin `dialback login` in a process of its own; give it and the code that it shows.

    Both lines are read here: what a pipe's reader has taken in beyond a line, `communicate` would not see.
    """
    process = subprocess.Popen(
        [*COMMAND, "login", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        link, advice = process.stdout.readline(), process.stdout.readline()
        assert "/device?user_code=" in link
        code = link.strip().rpartition("=")[2]
        assert f"compare the code {code} before" in advice
        yield process, code
    finally:
        process.kill()
        process.communicate()


def test_somebody_at_a_browser_lets_the_command_line_in(terminal: Terminal, remote: Served) -> None:
    with signing_in(remote.address, "--ca", terminal.folder / "ca.pem") as (process, code):
        assert remote.ask(remote.approve(code))
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert f"Signed in at {remote.address} as olga" in out
    path = login_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = json.loads(path.read_text())["token"]
    assert token not in out

    assert json.loads(terminal.run("whoami", "--json").stdout)["role"] == "owner"
    assert "olga" in terminal.run("whoami").stdout
    assert terminal.run("pool", "list").exit_code == 0

    assert "Signed out" in terminal.run("logout").stdout
    assert not path.exists()
    assert "Nobody is signed in" in terminal.run("logout").stdout
    again = terminal.run(
        "whoami", "--server", remote.address, "--token", token, "--ca", terminal.folder / "ca.pem"
    )
    assert "sign in" in sentence(again)


def test_authority_is_fetched_by_its_fingerprint(terminal: Terminal, remote: Served) -> None:
    sha256 = server_certificates(terminal.folder, remote.settings).ca_sha256
    with signing_in(remote.address, "--fingerprint", sha256.upper()) as (process, code):
        assert remote.ask(remote.approve(code))
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err

    assert "BEGIN CERTIFICATE" in json.loads(login_path().read_text())["ca_pem"]


def test_denied_command_line_is_told(terminal: Terminal, remote: Served) -> None:
    with signing_in(remote.address, "--ca", terminal.folder / "ca.pem") as (process, code):
        assert remote.ask(remote.authenticator.deny_device(code))
        _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "refused to let this device in" in err
    assert not login_path().exists()


def test_server_that_is_not_trusted_gets_nothing(terminal: Terminal, remote: Served) -> None:
    assert "not trusted here" in sentence(terminal.run("login", remote.address))
    wrong = sentence(terminal.run("login", remote.address, "--fingerprint", "ab" * 32))
    assert "somebody may be in between" in wrong


def test_server_must_be_named_and_there(terminal: Terminal, remote: Served, port: int) -> None:
    assert "Name the server" in sentence(terminal.run("login"))
    assert "cannot be reached" in sentence(terminal.run("login", "127.0.0.1:1", "--fingerprint", "ab"))
    assert "cannot be reached" in sentence(terminal.run("login", "127.0.0.1:1"))


def test_logout_forgets_a_token_that_has_ended(terminal: Terminal, remote: Served) -> None:
    path = login_path()
    path.parent.mkdir(parents=True)
    ca_pem = (terminal.folder / "ca.pem").read_text()
    path.write_text(json.dumps({"server": remote.address, "ca_pem": ca_pem, "token": "gone"}))

    assert terminal.run("logout").exit_code == 0
    assert not path.exists()

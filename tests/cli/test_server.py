import json
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from dialback.app.lock import only_server
from dialback.app.settings import DATABASE_NAME
from dialback.identity.authority import Authority
from tests.cli.conftest import Terminal, sentence


def settings_of(terminal: Terminal, text: str) -> None:
    (terminal.folder / "dialback.toml").write_text(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server", "is no TOML"),
        ("[server]\nport = 1", "unknown setting 'server.port'"),
        ("[server]\nlisten = 443", "'server.listen' cannot be used"),
        ("[server]\nlog_level = 'loud'", "'server.log_level' cannot be used"),
        ("[broker]\nheartbeat_s = 60", "'broker.heartbeat_s' cannot be used"),
        ("[server]\ncertificate = 'none.pem'\nkey = 'none.key'\nca = 'ca.pem'", "none.pem"),
        ("[server]\nstore = 'mysql://x'", "expected a sqlite or postgresql URL"),
        ("[server]\nstore = 'sqlite:////none/here/x.db'", "the folder /none/here does not exist"),
    ],
)
def test_settings_that_cannot_be_used_are_one_sentence(terminal: Terminal, text: str, said: str) -> None:
    settings_of(terminal, text)

    assert said in terminal.bad("serve")


def test_port_that_is_taken_is_one_sentence(terminal: Terminal, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        assert "cannot be opened" in last_sentence(terminal)


def test_key_that_does_not_fit_is_one_sentence(terminal: Terminal) -> None:
    folders = [terminal.folder, terminal.folder.parent]
    (certificate, _), (_, key) = (Authority.open(each).ensure_server_certificate(["gw"]) for each in folders)
    ca = terminal.folder / "ca.pem"
    settings_of(terminal, f"[server]\ncertificate = '{certificate}'\nkey = '{key}'\nca = '{ca}'\n")

    assert "does not fit" in terminal.bad("serve")


def test_certificate_that_is_damaged_is_one_sentence(terminal: Terminal) -> None:
    (terminal.folder / "ca.pem").write_text("nothing")
    (terminal.folder / "ca.key").write_text("nothing")

    assert "ca.pem holds no certificate" in terminal.bad("serve")


@pytest.mark.parametrize("folder", ["/dev/null/x", "/dev/null", "/proc/none"])
def test_folder_that_cannot_be_written_is_one_sentence(terminal: Terminal, folder: str) -> None:
    assert folder in sentence(terminal.run("serve", "--data", folder))


def test_folder_of_a_server_that_runs_is_one_sentence(terminal: Terminal) -> None:
    with only_server(terminal.folder):
        assert "another server runs" in terminal.bad("serve")


def test_database_that_is_damaged_or_newer_is_one_sentence(terminal: Terminal) -> None:
    database = terminal.folder / DATABASE_NAME
    database.write_bytes(b"no database" * 100)
    assert "not a database" in terminal.bad("serve")

    database.unlink()
    terminal.good("host", "list")
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for words in (("serve",), ("host", "list"), ("connection", "list"), ("host", "code", "desk")):
        assert "newer version" in terminal.bad(*words)


def test_database_another_process_holds_is_one_sentence(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialback.store.open.BUSY_TIMEOUT_MS", 10)
    terminal.good("host", "list")
    other = sqlite3.connect(terminal.folder / DATABASE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert "another process holds the database" in terminal.bad("serve")
    assert "another process holds the database" in terminal.bad("host", "code", "desk")
    other.close()


def test_what_was_said_at_the_first_start_is_kept_and_not_changed_silently(terminal: Terminal) -> None:
    said = terminal.bad("serve", "--listen", "127.0.0.1:1")

    assert "127.0.0.1:1 was said" in said
    assert "change it there" in said


def test_first_start_with_a_wrong_address_writes_nothing(terminal: Terminal) -> None:
    folder = terminal.folder.parent / "new"

    assert "'server.listen'" in sentence(terminal.run("serve", "--data", folder, "--listen", "nonsense"))

    assert list(folder.iterdir()) == []


def test_server_starts_serves_and_stops_by_signal(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "new"
    address = f"127.0.0.1:{port}"
    words = ["serve", "--data", str(folder), "--listen", address, "--address", address]
    code = "from dialback.cli.main import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    line = server.stderr.readline()
    healthy = Terminal(folder).data("doctor")
    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=30)

    assert "listening" in line
    assert healthy.exit_code == 0, healthy.output
    assert server.returncode == 0, err
    assert "First start: settings are in" in out
    assert f"https://{address}/invitation/" in out
    assert "/invitation/" not in err
    assert "Traceback" not in err
    assert folder.stat().st_mode & 0o777 == 0o700


# Doctor.


def test_doctor_names_the_server_that_does_not_run(terminal: Terminal) -> None:
    result = terminal.data("doctor")

    assert result.exit_code == 1
    assert "mend port: 127.0.0.1" in result.stdout
    assert "Start `dialback serve`" in result.stdout


def test_doctor_says_the_same_to_programs(terminal: Terminal) -> None:

    result = terminal.data("doctor", "--json")

    assert result.exit_code == 1
    assert [each["check"] for each in json.loads(result.stdout) if not each["ok"]] == ["port"]


def test_doctor_shows_hostile_reports_harmlessly(filled: Terminal) -> None:
    result = filled.data("doctor")

    assert "\x1b" not in result.output
    assert "\\x1b[2J" in result.output


def test_doctor_without_a_server_says_where_it_looked(tmp_path: Path) -> None:
    result = Terminal(tmp_path / "none").data("doctor")

    assert result.exit_code == 1
    assert "no server was ever started" in result.stdout


def last_sentence(terminal: Terminal) -> str:
    """Return the last line on stderr of a start that fails after logging began."""
    result = terminal.data("serve")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    line: str = result.stderr.splitlines()[-1]
    assert line.startswith("error: ")
    return line

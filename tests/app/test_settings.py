from pathlib import Path

import pytest

from dialback.app import settings as module
from dialback.app.settings import (
    ServerSettings,
    Settings,
    default_folder,
    listen_address,
    load_settings,
    public_address,
    split_address,
    store_url,
    write_first_settings,
)
from dialback.broker.settings import BrokerSettings
from dialback.gateway.settings import GatewaySettings
from dialback.settings.file import SettingsProblem


def write(folder: Path, text: str) -> None:
    (folder / "dialback.toml").write_text(text)


def test_folder_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()


def test_every_table_is_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        '[server]\nlisten = "[::1]:8443"\naddress = "gw.example.org:443"\n'
        "[gateway]\nkeepalive_s = 30\n[broker]\nheartbeat_s = 15\n",
    )

    assert load_settings(tmp_path) == Settings(
        ServerSettings("[::1]:8443", "gw.example.org:443"),
        GatewaySettings(keepalive_s=30),
        BrokerSettings(heartbeat_s=15),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sever]", "unknown setting 'sever'"),
        ("[server]\nport = 1", "unknown setting 'server.port'"),
        ('[server]\nlisten = "443"', "'server.listen' cannot be used: expected NAME:PORT, got '443'"),
        ('[server]\nlisten = "0.0.0.0:0"', "'server.listen' cannot be used"),
        ('[server]\nlisten = "0.0.0.0:65536"', "'server.listen' cannot be used"),
        ('[server]\naddress = ":443"', "'server.address' cannot be used"),
        ('[server]\naddress = "my_host:443"', "'server.address' cannot be used"),
        ('[server]\naddress = "https://gw:443"', "'server.address' cannot be used"),
        ('[server]\nlog_level = "loud"', "'server.log_level' cannot be used"),
        ('[server]\ncertificate = "c"', "'server' cannot be used: expected all of certificate, key and ca"),
        ('[server]\nsigning_key = "k"', "'server' cannot be used: expected both of signing_certificate"),
        ('[server]\ncertificate = "c"\nkey = "k"', "'server' cannot be used: expected all"),
        ("[broker]\nheartbeat_s = 30", "'broker.heartbeat_s' cannot be used"),
        ("[gateway]\nhost_deadline_s = 0", "'gateway.host_deadline_s' cannot be used"),
    ],
)
def test_mistake_is_named_with_key_and_file(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)

    with pytest.raises(SettingsProblem) as problem:
        load_settings(tmp_path)

    assert said in str(problem.value)
    assert str(tmp_path / "dialback.toml") in str(problem.value)


def test_machine_whose_name_is_no_address_is_told_to_set_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.socket, "getfqdn", lambda: "my_host")

    with pytest.raises(SettingsProblem, match=r"set 'server\.address'"):
        load_settings(tmp_path)


def test_public_address_is_the_machines_name_if_none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.socket, "getfqdn", lambda: "host.example.org")

    assert public_address(Settings(ServerSettings("[::]:8443"))) == "host.example.org:8443"
    assert public_address(Settings(ServerSettings(address="gw:443"))) == "gw:443"


@pytest.mark.parametrize(
    ("listen", "pair"),
    [(":443", ("0.0.0.0", 443)), ("127.0.0.1:1", ("127.0.0.1", 1)), ("[::]:443", ("::", 443))],
)
def test_address_to_listen_on(listen: str, pair: tuple[str, int]) -> None:
    assert listen_address(Settings(ServerSettings(listen))) == pair


@pytest.mark.parametrize(
    ("text", "pair"),
    [("gw.example.org:443", ("gw.example.org", 443)), ("[2001:db8::1]:1", ("2001:db8::1", 1))],
)
def test_address_is_split(text: str, pair: tuple[str, int]) -> None:
    assert split_address(text) == pair


@pytest.mark.parametrize("text", ["", "gw", "gw:", "gw:x", "gw:443 ", "2001:db8::1:443", "-gw:443", "g w:1"])
def test_what_is_no_address_is_not_split(text: str) -> None:
    with pytest.raises(ValueError, match="expected NAME:PORT"):
        split_address(text)


def test_database_is_in_the_data_folder_unless_set(tmp_path: Path) -> None:
    assert store_url(tmp_path, Settings()) == f"sqlite:///{tmp_path}/dialback.sqlite"
    assert store_url(tmp_path, Settings(ServerSettings(store="sqlite://"))) == "sqlite://"


def test_text_form_does_not_show_the_database_url() -> None:
    assert "hunter2" not in repr(ServerSettings(store="postgresql://u:hunter2@db/dialback"))


def test_first_settings_keep_what_was_said(tmp_path: Path) -> None:
    assert write_first_settings(tmp_path, "127.0.0.1:8443", "gw:443")

    assert load_settings(tmp_path).server == ServerSettings("127.0.0.1:8443", "gw:443")


def test_first_settings_leave_a_file_alone(tmp_path: Path) -> None:
    write(tmp_path, "# mine\n")

    assert not write_first_settings(tmp_path, "", "gw:443")
    assert (tmp_path / "dialback.toml").read_text() == "# mine\n"


@pytest.mark.parametrize("listen", ["nonsense", '"\n[gateway]\nkeepalive_s = 1\n#'])
def test_first_settings_that_cannot_be_used_are_not_written(tmp_path: Path, listen: str) -> None:
    with pytest.raises(SettingsProblem, match=r"'server\.listen'"):
        write_first_settings(tmp_path, listen, "")

    assert list(tmp_path.iterdir()) == []


def test_default_folder_is_the_environments_the_systems_or_the_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIALBACK_DATA", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("DIALBACK_DATA")
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    assert default_folder() == Path("/var/lib/dialback")
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000)
    assert default_folder() == Path.home() / ".local" / "share" / "dialback"

import configparser
from collections.abc import Callable

import pytest

from dialback.console.clients import (
    Client,
    Display,
    Launch,
    NoClient,
    Program,
    find_client,
    remmina_file,
    settings_file,
)
from dialback.wire import rdpfile

LAUNCH = Launch("127.70.8.9", 3389, "acme/files", "ab" * 32)


def having(*names: str) -> Callable[[str], str | None]:
    return lambda name: f"/bin/{name}" if name in names else None


def test_first_client_that_is_installed_is_taken() -> None:
    assert find_client("", "linux", having("xfreerdp", "remmina")) == Program(
        Client.FREERDP_2, "/bin/xfreerdp"
    )
    assert find_client("", "win32", having("mstsc.exe")).client is Client.MSTSC
    assert find_client("", "darwin", having("open")).client is Client.WINDOWS_APP


def test_wanted_client_is_taken_or_named() -> None:
    assert find_client("remmina", "linux", having("xfreerdp", "remmina")).client is Client.REMMINA
    with pytest.raises(NoClient, match=r"'remmina' is not installed.*xfreerdp3"):
        find_client("remmina", "linux", having("xfreerdp"))


def test_system_without_a_client_is_told_which_would_do() -> None:
    with pytest.raises(NoClient, match="install one of xfreerdp3, xfreerdp, remmina"):
        find_client("", "linux", having())


def test_freerdp_is_told_the_certificate_and_no_secret() -> None:
    display = Display(1024, 768, full_screen=True, sound=True, user="CORP\\anna")
    command = Program(Client.FREERDP_3, "xf").command(
        Launch("127.70.8.9", 3389, "acme/files", "ab" * 32, display)
    )

    assert command == [
        "xf",
        "/v:127.70.8.9:3389",
        "/t:acme/files",
        "+clipboard",
        "/cert:deny,fingerprint:sha256:" + ":".join(["ab"] * 32),
        "/u:CORP\\anna",
        "/size:1024x768",
        "/f",
        "/sound",
    ]


def test_freerdp_asks_about_a_certificate_nobody_announced() -> None:
    command = Program(Client.FREERDP_2, "xf").command(Launch("127.70.8.9", 3389, "x"))

    assert not [option for option in command if "cert" in option]


@pytest.mark.parametrize("client", [Client.MSTSC, Client.REMMINA, Client.WINDOWS_APP])
def test_other_clients_are_given_a_file(client: Client) -> None:
    program = Program(client, "program")

    assert program.needs_file
    assert "settings.rdp" in program.command(LAUNCH, "settings.rdp")


def test_files_name_has_the_hosts_and_no_path_in_it() -> None:
    prefix = Program(Client.MSTSC, "mstsc").file_prefix(Launch("127.70.8.9", 3389, "../a\u202e/b" + "c" * 99))
    assert prefix.startswith("dialback--a-b")
    assert len(prefix) < 60
    assert not {".", "/"} & {*prefix}


def test_file_says_what_the_technician_chose() -> None:
    launch = Launch("127.70.8.9", 3389, "x", display=Display(1024, 768, clipboard=False, user="anna"))

    found = {each.name: each.value for each in rdpfile.parse(rdpfile.decode(settings_file(launch)))}

    assert found["full address"] == "127.70.8.9:3389"
    assert (found["desktopwidth"], found["desktopheight"]) == (1024, 768)
    assert (found["redirectclipboard"], found["audiomode"], found["username"]) == (0, 2, "anna")
    assert "gatewayaccesstoken" not in found


def test_remmina_is_given_a_profile_that_carries_the_hosts_name() -> None:
    display = Display(1024, 768, full_screen=True, clipboard=False, user="CORP\\anna")
    program = Program(Client.REMMINA, "/bin/remmina")

    profile = configparser.RawConfigParser()
    profile.read_string(program.settings(Launch("127.70.8.9", 3389, "acme/files", display=display)).decode())

    found = profile["remmina"]
    assert (found["name"], found["server"], found["protocol"]) == ("acme/files", "127.70.8.9:3389", "RDP")
    assert (found["username"], found["disableclipboard"], found["viewmode"]) == ("CORP\\\\anna", "1", "3")
    assert (found["resolution_width"], found["resolution_height"]) == ("1024", "768")
    assert (found["sound"], found["cert_ignore"]) == ("off", "0")
    assert program.file_suffix == ".remmina"


def test_name_of_a_host_adds_no_key_to_remminas_profile() -> None:
    profile = remmina_file(Launch("127.70.8.9", 3389, "files\npassword=x\n[other]")).decode()

    assert [line for line in profile.splitlines() if line.startswith(("password", "["))] == ["[remmina]"]


def test_remmina_is_kept_off_the_bus_over_which_it_would_hand_over() -> None:
    command = Program(Client.REMMINA, "/bin/remmina").command(LAUNCH, "x.remmina")

    assert command == ["env", "DBUS_SESSION_BUS_ADDRESS=disabled:", "/bin/remmina", "-c", "x.remmina"]


@pytest.mark.parametrize("values", [(1024, 0), (-1, 5), (9000, 9000)])
def test_display_without_sense_cannot_be_made(values: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Display(*values)


def test_user_with_a_line_break_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="user name"):
        Display(user="anna\r\nfull address:s:evil")


@pytest.mark.parametrize(
    ("client", "status"), [(Client.FREERDP_2, 12), (Client.FREERDP_3, 2), (Client.MSTSC, 0)]
)
def test_session_that_ended_is_told_from_a_client_that_failed(client: Client, status: int) -> None:
    program = Program(client, "x")
    assert program.has_ended_well(status)
    assert not program.has_ended_well(131)
    assert not program.has_ended_well(-11)


def test_other_clients_end_well_with_0_alone() -> None:
    assert not Program(Client.REMMINA, "x").has_ended_well(2)

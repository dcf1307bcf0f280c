import configparser
from pathlib import Path

from dialback.cli.main import COMMANDS

UNIT = Path(__file__).parent.parent.parent / "packaging" / "dialback.service"


def service() -> configparser.SectionProxy:
    # A repeated key adds to the one before; that one is enough here.
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(UNIT.read_text())
    return parser["Service"]


def test_unit_starts_a_command_there_is_as_an_ordinary_user() -> None:
    words = service()["ExecStart"].split()
    assert words[words.index("dialback") + 1] in COMMANDS
    assert service()["User"] == "dialback"
    assert service()["NoNewPrivileges"] == "yes"


def test_unit_may_open_a_low_port_and_nothing_else() -> None:
    assert service()["CapabilityBoundingSet"] == service()["AmbientCapabilities"] == "CAP_NET_BIND_SERVICE"


def test_data_folder_of_the_unit_is_for_its_user_alone() -> None:
    assert service()["ExecStart"].endswith(f"/var/lib/{service()['StateDirectory']}")
    assert (service()["StateDirectoryMode"], service()["UMask"]) == ("0700", "0077")

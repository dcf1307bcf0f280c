from configparser import ConfigParser
from importlib.resources import files


def test_unit_runs_the_agent_as_an_ordinary_user_without_capabilities() -> None:
    # systemd allows a key twice, where the later line adds to a list.
    unit = ConfigParser(strict=False, interpolation=None)
    unit.read_string(files("dialback.agent.platform").joinpath("dialback-agent.service").read_text())

    service = unit["Service"]
    assert service["User"] == "dialback-agent"
    assert service["CapabilityBoundingSet"] == ""
    assert service["NoNewPrivileges"] == "yes"
    # Hidden processes would hide the sessions, a hidden /home how full its disk is.
    assert (service["ProtectProc"], service["ProtectHome"]) == ("default", "read-only")
    assert service["Restart"] == "always"
    assert "dialback agent run" in service["ExecStart"]

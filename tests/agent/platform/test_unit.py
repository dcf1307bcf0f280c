from configparser import ConfigParser, SectionProxy
from importlib.resources import files

TEXT = files("dialback.agent.platform").joinpath("dialback-agent.service").read_text()


def service_of(text: str) -> SectionProxy:
    # systemd allows a key twice, where the later line adds to a list.
    unit = ConfigParser(strict=False, interpolation=None)
    unit.read_string(text)
    return unit["Service"]


def test_unit_runs_the_agent_as_an_ordinary_user_without_capabilities() -> None:
    service = service_of(TEXT)
    assert service["User"] == "dialback-agent"
    assert service["CapabilityBoundingSet"] == ""
    assert service["NoNewPrivileges"] == "yes"
    # Hidden processes would hide the sessions, a hidden /home how full its disk is.
    assert (service["ProtectProc"], service["ProtectHome"]) == ("default", "read-only")
    assert service["Restart"] == "always"
    assert "dialback agent run" in service["ExecStart"]


def test_unit_of_a_second_provider_differs_by_its_name_alone_and_shares_nothing() -> None:
    first = service_of(TEXT)
    second = service_of(TEXT.replace("dialback-agent", "dialback-agent-acme"))

    differing = {key for key in first if first[key] != second[key]}
    assert differing == {"execstart", "user", "group", "statedirectory"}
    assert second["User"] == second["Group"] == second["StateDirectory"] == "dialback-agent-acme"
    assert second["ExecStart"].endswith("--folder /var/lib/dialback-agent-acme")

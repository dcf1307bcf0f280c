"""What the host's agent is allowed by the examples in `packaging/`: these deeds at these units, no other."""

import configparser
import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"
MANAGE = "org.freedesktop.systemd1.manage-units"
AGENT = "dialback-agent"
JUDGE = """
const [rules, asked] = process.argv.slice(1);
const found = [];
const polkit = {Result: {YES: "yes", NOT_HANDLED: null}, addRule: (rule) => found.push(rule)};
new Function("polkit", require("fs").readFileSync(rules, "utf8"))(polkit);
const answers = JSON.parse(asked).map(([id, user, unit, verb]) => {
    const details = {unit, verb};
    return found[0]({id, lookup: (name) => details[name]}, {user});
});
console.log(JSON.stringify(answers));
"""


def section(name: str, of: str = "Service") -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string((PACKAGING / name).read_text())
    return parser[of]


@pytest.mark.skipif(
    shutil.which("node") is None, reason="polkit's rules are JavaScript, and there is no node"
)
def test_rule_lets_the_agents_user_do_two_things_and_nobody_anything_else() -> None:
    cases = {
        (MANAGE, AGENT, "xrdp.service", "restart"): "yes",
        (MANAGE, AGENT, "dialback-agent-update.service", "start"): "yes",
        (MANAGE, AGENT, "xrdp.service", "stop"): None,
        (MANAGE, AGENT, "dialback-agent-update.service", "restart"): None,
        (MANAGE, AGENT, "ssh.service", "restart"): None,
        (MANAGE, AGENT, None, None): None,
        (MANAGE, "anna", "xrdp.service", "restart"): None,
        ("org.freedesktop.systemd1.manage-unit-files", AGENT, "xrdp.service", "restart"): None,
    }
    rules = PACKAGING / "polkit" / "49-dialback-agent.rules"
    done = subprocess.run(
        ["node", "-e", JUDGE, str(rules), json.dumps(list(cases))], capture_output=True, text=True, check=True
    )
    assert dict(zip(cases, json.loads(done.stdout), strict=True)) == cases


def test_rule_and_update_are_of_the_user_and_unit_that_the_agent_runs_as() -> None:
    unit = files("dialback.agent.platform").joinpath("dialback-agent.service").read_text()
    assert f"User={AGENT}\n" in unit
    update = section("dialback-agent-update.service")
    assert update["ExecStartPost"].endswith("systemctl restart dialback-agent.service")
    assert update["Type"] == "oneshot"


def test_drop_in_gives_groups_and_leaves_capabilities_to_whoever_takes_them() -> None:
    drop_in = section("dialback-agent.service.d/management.conf")
    assert dict(drop_in) == {"SupplementaryGroups": "xrdp adm"}

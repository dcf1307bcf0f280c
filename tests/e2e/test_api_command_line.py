"""An administrator who declares a workspace, by the command line alone; the server is another process."""

import json
from pathlib import Path

import pytest

from lab.ports import free_port
from tests.e2e.test_command_line import Shell

pytestmark = pytest.mark.e2e

TEXT = """\
workspaces:
  work: {name: Work}
groups:
  staff: {name: Staff, members: [anne]}
host_pools:
  office: {name: Office}
application_groups:
  desktops:
    name: Desktops
    pool: office
    workspace: work
    groups: [staff]
    resources:
      desk: {title: Desk}
"""


async def test_workspace_is_declared_on_a_running_server(tmp_path: Path) -> None:
    shell, address = Shell(tmp_path), f"127.0.0.1:{free_port()}"
    file = tmp_path / "tenant.yaml"
    file.write_text(TEXT)

    async with shell.background("listening", "serve", "--listen", address, "--address", address):
        await shell.good("user", "add", "anne")
        status, planned, _ = await shell.run("apply", str(file), "--dry-run")
        assert (status, planned.splitlines()[0]) == (2, "+ workspaces/work")

        await shell.good("apply", str(file))
        status, planned, _ = await shell.run("apply", str(file), "--dry-run")
        assert (status, planned) == (0, "")

        assert json.loads(await shell.good("app", "list", "--json"))[0]["name"] == "desk"
        entries = json.loads(await shell.good("audit", "list", "--json"))
        assert "application-group.assign" in [entry["action"] for entry in entries]
        status, _, said = await shell.run("session", "log-off", "h1/1")
        assert (status, said.count("\n")) == (1, 1)

    # The directory is there without the server; what only its process can do is not.
    assert "Office" in await shell.good("pool", "list")
    status, _, said = await shell.run("session", "log-off", "h1/1")
    assert status == 1
    assert "cannot be reached" in said

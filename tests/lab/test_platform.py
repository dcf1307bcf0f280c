"""The server and the agent run as programs of their own, and end when they are told to."""

import json
import signal
import socket
from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.listening import listening
from lab.platform import HostAgent, Platform
from lab.process import Failed
from lab.shadow_host import ShadowHost


@pytest.mark.interop
def test_server_keeps_its_address_over_a_restart(tmp_path: Path) -> None:
    with Platform(tmp_path) as platform:
        with socket.create_connection(("127.0.0.1", int(platform.address.split(":")[1]))):
            assert platform.hosts() == platform.connections() == []
        platform.stop()
        platform.start()
        assert platform.first_link().startswith(f"https://{platform.address}/invitation/")
        assert json.loads(platform.run("resource", "list", "--json")) == []
        with pytest.raises(Failed, match="expected the link of nobody up"):
            platform.wait_for_link("nobody", timeout_s=0)


@pytest.mark.interop
def test_agent_reports_its_host_and_listens_on_nothing(tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue("host1.lab.test")
    with (
        Platform(tmp_path) as platform,
        ShadowHost(tmp_path, "nla", certificate, address=("127.0.0.9", 33893)),
        HostAgent(platform, tmp_path, "desk", "127.0.0.9:33893") as agent,
    ):
        assert platform.wait_for_report("desk")["certificate_sha256"] == certificate.sha256
        assert listening(agent.pid) == []
        agent.signal(signal.SIGKILL)
        assert agent.wait_ended() == -signal.SIGKILL
        platform.wait_for_link("desk", up=False)

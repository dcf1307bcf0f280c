"""The NLA host lets in who knows the password, with both versions of the client."""

import os
from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.display import Display
from lab.freerdp import FreeRdp, Version
from lab.listening import Listener, listening
from lab.process import wait_for
from lab.shadow_host import ShadowHost
from tests.lab.bridge import Bridge


@pytest.mark.interop
@pytest.mark.parametrize("version", [2, 3])
def test_nla_host_shows_its_desktop_to_the_right_password(tmp_path: Path, version: Version) -> None:
    certificate = Authority(tmp_path).issue("host1.lab.test")
    with (
        ShadowHost(tmp_path, "nla", certificate) as host,
        Bridge(host.socket) as bridge,
        Display(tmp_path) as display,
        FreeRdp(display, tmp_path, version=version) as client,
    ):
        assert listening(host.pid) == [Listener("unix", str(host.socket))]
        pin = certificate.sha256
        client.connect(bridge.address, user=host.user, password="wrong", pin=pin)
        assert client.wait_ended() == 147
        client.connect(bridge.address, user=host.user, password=host.password, pin=pin, extra=["/sec:nla"])
        print(f"xfreerdp {version} to shadow: {client.wait_rendered():.2f} s")
        display.type_in_terminal("id -u > $HOME/typed.txt")
        typed = host.folder / "typed.txt"
        assert wait_for(lambda: typed.exists() and typed.read_text() == f"{os.getuid()}\n")
        display.wait_for_colour(host.colour)


@pytest.mark.interop
def test_nla_host_listens_on_a_loopback_address(tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue("host1.lab.test")
    with ShadowHost(tmp_path, "nla", certificate, address=("127.0.0.9", 33891)) as host:
        assert listening(host.pid) == [Listener("tcp", "127.0.0.9:33891")]

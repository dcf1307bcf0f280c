"""The client's certificate pin, and how it reports what went wrong."""

from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.display import Display
from lab.freerdp import FreeRdp, Version, pin_option
from lab.process import Failed
from lab.shadow_host import ShadowHost
from tests.lab.bridge import Bridge


def test_pin_is_written_in_pairs_and_denies_all_else() -> None:
    assert pin_option() == "/cert:deny"
    assert pin_option("00ff17") == "/cert:deny,fingerprint:sha256:00:ff:17"
    assert pin_option("0a", "0b") == "/cert:deny,fingerprint:sha256:0a,fingerprint:sha256:0b"


def test_a_client_that_was_never_connected_says_so(tmp_path: Path) -> None:
    with FreeRdp(Display(tmp_path), tmp_path) as client, pytest.raises(Failed, match="expected a connected"):
        client.wait_ended()


@pytest.mark.interop
@pytest.mark.parametrize("version", [2, 3])
def test_a_host_with_another_certificate_is_refused(tmp_path: Path, version: Version) -> None:
    certificate = Authority(tmp_path).issue("host1.lab.test")
    with (
        ShadowHost(tmp_path, "nla", certificate) as host,
        Bridge(host.socket) as bridge,
        Display(tmp_path) as display,
        FreeRdp(display, tmp_path, version=version) as client,
    ):
        client.connect(bridge.address, user=host.user, password=host.password, pin="00" * 32)
        assert client.wait_ended() == 143
        assert "ERRCONNECT_TLS_CONNECT_FAILED" in client.log_tail()

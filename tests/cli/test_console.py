"""`dialback console`: what it needs before there is a window, and how the window asks the API."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dialback.cli import console as module
from dialback.cli.api import Login
from dialback.cli.console import check_qt, choose_login, reached
from dialback.cli.context import Failed
from dialback.cli.main import make_app
from dialback.console.window.platform import Order, Place
from dialback.domain.consent import ConsentScope
from dialback.domain.ids import HostId, TenantId
from tests.console.window.platform_stub import HOSTILE, TOKEN, PlatformStub, stocked


def test_qt_is_loaded_for_the_window_alone() -> None:
    code = (
        "import sys; from dialback.cli.main import make_app; make_app([])\n"
        "print([name for name in sys.modules if name.startswith(('PySide6', 'dialback.console.window'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_missing_qt_is_said_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(Failed, match=r"pip install 'dialback\[console\]'"):
        check_qt()


def test_qt_without_its_libraries_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PySide6.QtWidgets", None)
    with pytest.raises(Failed, match="a library of the system is missing"):
        check_qt()


def test_link_that_is_none_is_said_before_a_window_opens(tmp_path: Path) -> None:
    pytest.importorskip("PySide6.QtWidgets")
    words = ["console", "--url", "https://example.org/", "--server", "gw", "--token", "t"]
    result = CliRunner(env={"HOME": str(tmp_path)}).invoke(make_app(words), words)
    assert result.exit_code == 1
    assert "expected a link like dialback://connect/TENANT/HOST" in result.stderr


def test_second_start_leaves_it_to_the_open_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PySide6.QtWidgets")
    from dialback.console.window import handover

    given: list[tuple[str, str]] = []

    def hand_over(name: str, link: str) -> bool:
        given.append((name, link))
        return True

    monkeypatch.setattr(handover, "hand_over", hand_over)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    url = "dialback://connect/acme/files"
    words = ["console", "--url", url, "--server", "gw", "--token", "t"]
    result = CliRunner().invoke(make_app(words), words)
    assert (result.exit_code, result.stdout) == (
        0,
        "The console is open already; its window has come forward.\n",
    )
    assert given == [(handover.socket_name(tmp_path / "dialback", "gw"), url)]


def test_person_is_wanted_and_no_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(module, "choose_server", lambda *_: tmp_path)
    with pytest.raises(Failed, match="sign in with `dialback login"):
        choose_login("", "", None)


async def test_window_asks_the_api(tmp_path: Path) -> None:
    with stocked(PlatformStub(tmp_path)).running() as stub:
        stub.host("h1").system = HOSTILE
        order = Order(Place(TenantId("acme"), HostId("h1"), "acme/files"), "why", "1", "127.0.0.1:3390")
        async with reached(Login(stub.address, stub.ca.read_text(), TOKEN)) as platform:
            tenants = await platform.tenants()
            hosts = await platform.hosts(TenantId("acme"))
            access, gateway = await platform.access(order, ConsentScope.DESKTOP)
            await platform.access(order, ConsentScope.FACTS)

    assert [tenant.name for tenant in tenants] == ["Acme GmbH", "Bolt & Söhne"]
    assert [host.name for host in hosts] == ["files", "mail", "old-erp"]
    assert hosts[0].report is not None
    assert hosts[0].report.system == HOSTILE
    assert (access.name, gateway.port) == ("acme/files", stub.port)
    assert [asked["target"] for asked in stub.asked] == ["127.0.0.1:3390", ""]

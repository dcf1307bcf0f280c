"""xrdp hosts: sessions of several users on several hosts, without a TCP port for RDP."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.accounts import Account
from lab.certificates import Authority, HostCertificate
from lab.display import Display
from lab.freerdp import FreeRdp, Version
from lab.listening import descendants, in_namespace_of, network_of
from lab.netns import Namespace
from lab.process import run, wait_for
from lab.xrdp_host import SOCKET_INSIDE, XrdpHost, display_offset, with_settings
from tests.lab.bridge import Bridge


def test_settings_are_set_in_their_section_alone() -> None:
    text = "[Globals]\n; port=1\nport=3389\nparam=a\nparam=b\n[Xorg]\nport=-1\n"
    assert with_settings(text, {"Globals": {"port": "unix://./x", "autorun": "Xorg"}}) == (
        "[Globals]\nport=unix://./x\nautorun=Xorg\n; port=1\nparam=a\nparam=b\n[Xorg]\nport=-1\n"
    )


def test_display_numbers_leave_room_for_ports_derived_from_them() -> None:
    assert 100 <= display_offset("dialback-host1-00000000") <= 65535 - 6200 - 50


@pytest.fixture
def anna() -> Iterator[Account]:
    with Account("labanna") as account:
        yield account


@pytest.fixture
def ben() -> Iterator[Account]:
    with Account("labben") as account:
        yield account


@pytest.fixture
def certificate(tmp_path: Path) -> HostCertificate:
    return Authority(tmp_path).issue("host1.lab.test")


@pytest.mark.interop
def test_two_users_work_at_once_on_a_host_without_a_port(
    tmp_path: Path, anna: Account, ben: Account, certificate: HostCertificate
) -> None:
    people: dict[Version, Account] = {2: anna, 3: ben}
    with ExitStack() as stack:
        host = stack.enter_context(XrdpHost(tmp_path, "host1", certificate))
        networks = {network_of(pid) for pid in [host.pid, *descendants(host.pid)]}
        assert len(networks - {network_of(os.getpid())}) == len(networks) == 1
        bridge = stack.enter_context(Bridge(host.socket))
        for version, person in people.items():
            display = stack.enter_context(Display(tmp_path, name=f"display{version}"))
            client = FreeRdp(display, tmp_path, version=version, name=f"client{version}")
            stack.enter_context(client)
            host.log_on(person.name, person.password)
            client.connect(bridge.address, user=person.name, password=person.password, pin=certificate.sha256)
            print(f"xfreerdp {version} to xrdp: {client.wait_rendered():.2f} s")
            display.type_in_terminal("id -un > typed.txt")
            assert wait_for(lambda person=person: read(person.home / "typed.txt") == f"{person.name}\n")
            display.wait_for_colour(host.colour)
        assert all(host.session(person) for person in people.values())
        sessions = [pid for person in people.values() for pid in person.processes()]
    assert sessions
    assert anna.processes() + ben.processes() == []


@pytest.mark.interop
def test_one_user_has_a_session_on_each_of_two_hosts(
    tmp_path: Path, anna: Account, certificate: HostCertificate
) -> None:
    with ExitStack() as stack:
        for name, colour in {"blue": "#2d5f8b", "green": "#3d7a4f"}.items():
            host = stack.enter_context(XrdpHost(tmp_path, name, certificate, colour=colour))
            bridge = stack.enter_context(Bridge(host.socket))
            display = stack.enter_context(Display(tmp_path, name=f"display-{name}"))
            client = stack.enter_context(FreeRdp(display, tmp_path, name=f"client-{name}"))
            host.log_on(anna.name, anna.password)
            client.connect(
                bridge.address, user=anna.name, password=anna.password, pin=certificate.sha256
            ).wait_rendered()
            display.wait_for_colour(colour)
    assert anna.processes() == []


@pytest.mark.interop
def test_session_that_hangs_at_its_start_is_started_again(
    tmp_path: Path, anna: Account, certificate: HostCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.xrdp_host.LOG_ON_TIMEOUT_S", 4.0)
    session = anna.home / ".xsession"
    working = session.read_text()
    # Hangs once, without a window manager, as xrdp's own session process sometimes does.
    session.write_text(f'[ -e "$HOME/hung" ] || {{ touch "$HOME/hung"; exec sleep 60; }}\n{working}')
    with XrdpHost(tmp_path, "host1", certificate) as host:
        host.log_on(anna.name, anna.password)
        assert (anna.home / "hung").exists()
        assert host.session(anna)
        host.log_off(anna.name)
        assert not host.session(anna)
    assert anna.processes() == []


@pytest.mark.interop
def test_a_wrong_password_ends_the_connection(
    tmp_path: Path, anna: Account, certificate: HostCertificate
) -> None:
    with (
        XrdpHost(tmp_path, "host1", certificate, address=("127.0.0.9", 33892)),
        Display(tmp_path) as display,
        FreeRdp(display, tmp_path) as client,
    ):
        client.connect("127.0.0.9:33892", user=anna.name, password="wrong", pin=certificate.sha256)
        assert client.wait_ended() == 12


@pytest.mark.interop
def test_host_in_a_namespace_listens_there_alone(tmp_path: Path, certificate: HostCertificate) -> None:
    with (
        Namespace(tmp_path) as namespace,
        XrdpHost(tmp_path, "host1", certificate, address=("127.0.0.1", 3389), namespace=namespace) as host,
    ):
        assert network_of(host.pid) != network_of(os.getpid())
        assert [one.address for one in in_namespace_of(host.pid)] == ["127.0.0.1:3389", "[::1]:3350"]


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.interop
def test_what_runs_among_a_host_sees_its_socket_and_its_processes_in_the_network_of_the_machine(
    tmp_path: Path, certificate: HostCertificate
) -> None:
    with XrdpHost(tmp_path, "host1", certificate) as host:
        look = f"test -S {SOCKET_INSIDE}; readlink /proc/self/ns/net; cat /proc/[0-9]*/comm"
        network, *programs = run([*host.among(["sh", "-ec", look])]).splitlines()
        assert network == network_of(os.getpid())
        assert {"xrdp", "xrdp-sesman"} < {*programs}
        assert "pytest" not in programs

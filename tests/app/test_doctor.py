import asyncio
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dialback.app.doctor import (
    Finding,
    check_certificate,
    check_clock,
    check_discovery,
    check_hosts,
    check_providers,
    check_publisher,
    examine,
    name_matches,
)
from dialback.app.run import serve
from dialback.app.settings import DATABASE_NAME, load_settings, write_first_settings
from dialback.domain.hosts import HostReport, RdpServer
from dialback.identity.certificates import CertificateFacts
from dialback.identity.oidc.settings import OidcSettings
from lab.ports import free_port
from tests.broker.stores import HOST, NOW

FACTS = CertificateFacts(
    "CN=gw", ("gw.example.org",), NOW - timedelta(days=1), NOW + timedelta(days=90), "ab"
)


def verdicts(findings: list[Finding]) -> dict[str, bool]:
    return {finding.check: finding.ok for finding in findings}


@pytest.fixture
def port() -> int:
    return free_port()


# Decisions.


@pytest.mark.parametrize(
    ("name", "names", "covered"),
    [
        ("gw.example.org", ("gw.example.org",), True),
        ("GW.example.org", ("gw.EXAMPLE.org",), True),
        ("gw.example.org", ("*.example.org",), True),
        ("a.gw.example.org", ("*.example.org",), False),
        ("example.org", ("*.example.org",), False),
        ("127.0.0.1", ("127.0.0.1",), True),
        ("gw", (), False),
    ],
)
def test_name_is_covered(name: str, names: tuple[str, ...], covered: bool) -> None:
    assert name_matches(name, names) is covered


def test_record_for_e_mail_discovery_is_spelt_out() -> None:
    (finding,) = check_discovery("gw.example.org:443")
    assert finding.ok
    record = '_msradc.example.org. 300 IN TXT "https://gw.example.org/RDWeb/Feed/webfeed.aspx"'
    assert finding.seen == f"optional DNS record: {record}"


@pytest.mark.parametrize("address", ["127.0.0.1:443", "[::1]:443", "gw:443", "localhost:8443"])
def test_server_without_a_domain_has_no_record(address: str) -> None:
    assert list(check_discovery(address)) == []


def test_redirect_address_of_each_provider_is_spelt_out() -> None:
    providers = [OidcSettings(name, "https://login.example.org", "c") for name in ("entra", "keycloak")]
    first, second = check_providers("gw.example.org:8443", providers)
    assert first.ok
    assert first.seen.endswith(" https://gw.example.org:8443/signin/oidc/entra/callback")
    assert second.check == "sign-in provider keycloak"


def test_good_certificate_is_well() -> None:
    assert all(finding.ok for finding in check_certificate(FACTS, "gw.example.org", NOW))


def test_certificate_of_another_name_or_near_its_end_is_not() -> None:
    soon = replace(FACTS, not_after=NOW + timedelta(days=29))

    assert [finding.ok for finding in check_certificate(soon, "other.org", NOW)] == [False, False]


def test_publisher_is_warned_of_thirty_days_ahead() -> None:
    assert check_publisher(FACTS, NOW).ok
    assert not check_publisher(replace(FACTS, not_after=NOW + timedelta(days=29)), NOW).ok


def test_clock_may_be_a_little_off() -> None:
    assert check_clock(NOW, NOW + timedelta(seconds=119)).ok
    assert not check_clock(NOW, NOW - timedelta(seconds=121)).ok


def test_hosts_are_told_apart() -> None:
    good = RdpServer("127.0.0.1:3389", True, "hybrid", "TLSv1.3")
    servers = (good, replace(good, target="old", security="rdp"), RdpServer("none", False, problem="refused"))
    up = replace(HOST, link_up=True, report=HostReport("WIN-7", "Windows", "0.1.0", servers))
    down = replace(HOST, name="down", report=up.report)
    gone = replace(HOST, name="gone", revoked_at=NOW)

    assert verdicts(list(check_hosts([up, down, gone]))) == {
        "host desk": True,
        "host desk, 127.0.0.1:3389": True,
        "host desk, old": False,
        "host desk, none": False,
        "host down": False,
    }


def test_no_host_is_no_fault() -> None:
    assert [finding.ok for finding in check_hosts([])] == [True]


# The whole.


async def test_server_that_runs_is_well(tmp_path: Path, port: int) -> None:
    write_first_settings(tmp_path, f"127.0.0.1:{port}", f"127.0.0.1:{port}")
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve(tmp_path, load_settings(tmp_path), ready.set, stop))
    starting = asyncio.create_task(ready.wait())
    await asyncio.wait((serving, starting), return_when=asyncio.FIRST_COMPLETED)
    assert ready.is_set()

    findings = await examine(tmp_path)

    stop.set()
    await serving
    assert verdicts(findings) == {
        "settings": True,
        "certificate name": True,
        "certificate life": True,
        "publisher certificate life": True,
        "port": True,
        "clock": True,
        "database": True,
        "hosts": True,
    }


async def test_server_that_does_not_run_is_named(tmp_path: Path, port: int) -> None:
    write_first_settings(tmp_path, f"127.0.0.1:{port}", f"127.0.0.1:{port}")

    (bad,) = [finding for finding in await examine(tmp_path) if not finding.ok]

    assert bad.check == "port"
    assert f"127.0.0.1:{port}" in bad.seen
    assert "dialback serve" in bad.advice


async def test_folder_in_which_nothing_was_started_is_left_as_it_is(tmp_path: Path) -> None:
    findings = await examine(tmp_path)

    assert verdicts(findings) == {"data folder": False}
    assert list(tmp_path.iterdir()) == []


async def test_wrong_settings_are_named_first(tmp_path: Path) -> None:
    (tmp_path / "dialback.toml").write_text("[server]\nlisten = 7\n")

    (finding,) = await examine(tmp_path)

    assert (finding.check, finding.ok) == ("settings", False)
    assert "server.listen" in finding.seen


async def test_damaged_database_and_certificate_are_named_together(tmp_path: Path, port: int) -> None:
    write_first_settings(tmp_path, f"127.0.0.1:{port}", f"127.0.0.1:{port}")
    (tmp_path / "ca.pem").write_text("no certificate")
    (tmp_path / DATABASE_NAME).write_bytes(b"no database" * 100)

    findings = await examine(tmp_path)

    assert verdicts(findings) == {"settings": True, "certificate": False, "database": False}


async def test_server_that_says_nothing_is_named(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialback.app.doctor.DIAL_S", 0.1)
    write_first_settings(tmp_path, f"127.0.0.1:{port}", f"127.0.0.1:{port}")
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", port))
        mute.listen()
        findings = await examine(tmp_path)

    (bad,) = [finding for finding in findings if not finding.ok]
    assert bad.check == "port"
    assert bad.seen

"""What a client is refused, and what it says to its user: tokens, certificates, hosts that are away."""

import time
from pathlib import Path

import pytest

from lab.certificates import Authority
from lab.freerdp import Version
from lab.process import wait_for
from tests.interop.records import assert_refused, assert_whole_life, is_closed_by_user
from tests.interop.stage import Login, Published, Stage, Transport, altered, desktop_through, seat

pytestmark = pytest.mark.interop

WAYS: list[tuple[Version, Transport]] = [(2, "websocket"), (2, "legacy"), (3, "websocket"), (3, "legacy")]
COOKIE_DENIED = "E_PROXY_COOKIE_AUTHENTICATION_ACCESS_DENIED"
RESOURCE_DENIED = "E_PROXY_RAP_ACCESSDENIED"
CONNECT_FAILED = "E_PROXY_TS_CONNECTFAILED"


def refused(
    stage: Stage,
    host: Published,
    login: Login,
    file: Path,
    version: Version = 2,
    transport: Transport = "websocket",
) -> str:
    """Open a file that is refused, and return what the client printed."""
    with seat(stage, version) as desktop:
        desktop.open(file, login, host.pin, transport)
        return desktop.wait_refused()


@pytest.mark.parametrize(("version", "transport"), WAYS)
def test_unknown_token_is_refused(
    stage: Stage, blue: Published, anna: Login, version: Version, transport: Transport
) -> None:
    watch = stage.watch()
    file = altered(stage.connection_file(blue, anna.user), "gatewayaccesstoken", "A" * 43)
    assert COOKIE_DENIED in refused(stage, blue, anna, file, version, transport)
    assert_refused(watch.ended(), "token-unknown")


@pytest.mark.parametrize(("version", "transport"), WAYS)
def test_token_of_another_resource_is_refused(
    stage: Stage, blue: Published, anna: Login, version: Version, transport: Transport
) -> None:
    watch = stage.watch()
    file = altered(stage.connection_file(blue, anna.user), "full address", "nla")
    assert RESOURCE_DENIED in refused(stage, blue, anna, file, version, transport)
    assert_refused(watch.ended(), "resource-not-granted")


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [("gatewayaccesstoken", "A" * 43, "token-unknown"), ("full address", "nla", "resource-not-granted")],
)
def test_raw_websocket_client_is_refused(
    stage: Stage, blue: Published, anna: Login, setting: str, value: str, reason: str
) -> None:
    watch = stage.watch()
    file = altered(stage.connection_file(blue, anna.user), setting, value)
    assert "ERRCONNECT_SECURITY_NEGO_CONNECT_FAILED" in refused(stage, blue, anna, file, 3, "raw")
    # It tries each security protocol on a connection of its own.
    for record in watch.all_ended():
        assert_refused(record, reason)


@pytest.mark.parametrize("version", [2, 3])
def test_file_without_a_token_is_refused(
    stage: Stage, blue: Published, anna: Login, version: Version
) -> None:
    watch = stage.watch()
    file = altered(stage.connection_file(blue, anna.user), "gatewayaccesstoken", "")
    refused(stage, blue, anna, file, version)
    assert_refused(watch.ended(), "token-missing")


def test_expired_token_is_refused(stage: Stage, blue: Published, anna: Login) -> None:
    file = stage.connection_file(blue, anna.user, minutes=0.1)
    expired_at = time.monotonic() + 6
    watch = stage.watch()
    assert wait_for(lambda: time.monotonic() > expired_at)
    assert COOKIE_DENIED in refused(stage, blue, anna, file)
    assert_refused(watch.ended(), "token-expired")


def test_revoked_file_is_refused(stage: Stage, blue: Published, anna: Login) -> None:
    file = stage.connection_file(blue, anna.user)
    stage.platform.run("revoke-file", file)
    watch = stage.watch()
    assert COOKIE_DENIED in refused(stage, blue, anna, file)
    assert_refused(watch.ended(), "token-revoked")


def test_one_file_opens_the_desktop_twice(stage: Stage, blue: Published, anna: Login) -> None:
    file = stage.connection_file(blue, anna.user)
    watch = stage.watch()
    versions: tuple[Version, ...] = (2, 3)
    for version in versions:
        with desktop_through(stage, blue, anna, version, file=file):
            pass
    records = watch.all_ended()
    assert len(records) == 2
    for record in records:
        assert_whole_life(record, "tsgu-websocket", anna.user, "blue")


@pytest.mark.parametrize(("version", "transport"), [(2, "websocket"), (3, "websocket"), (3, "raw")])
def test_client_refuses_a_gateway_of_a_foreign_authority(
    stage: Stage, blue: Published, anna: Login, tmp_path: Path, version: Version, transport: Transport
) -> None:
    watch = stage.watch()
    with seat(stage, version, authority=Authority(tmp_path, "foreign").pem) as desktop:
        desktop.open(stage.connection_file(blue, anna.user), anna, blue.pin, transport)
        assert "ERRCONNECT" in desktop.wait_refused()
    assert watch.records() == []


@pytest.mark.parametrize("version", [2, 3])
def test_client_refuses_a_host_with_another_certificate(
    stage: Stage, blue: Published, anna: Login, version: Version
) -> None:
    watch = stage.watch()
    with seat(stage, version) as desktop:
        desktop.open(stage.connection_file(blue, anna.user), anna, "00" * 32)
        assert "ERRCONNECT_TLS_CONNECT_FAILED" in desktop.wait_refused()
    assert is_closed_by_user(watch.ended())


def test_host_whose_agent_is_stopped_is_offline(own_stage: Stage, desk: Published, anna: Login) -> None:
    desk.agent.stop()
    own_stage.platform.wait_for_link(desk.agent.host, up=False)
    for version, transport in WAYS:
        watch = own_stage.watch()
        file = own_stage.connection_file(desk, anna.user)
        assert CONNECT_FAILED in refused(own_stage, desk, anna, file, version, transport)
        assert_refused(watch.ended(), "host-offline")


def test_host_whose_rdp_server_is_down_is_said_to_be_so(
    own_stage: Stage, desk: Published, anna: Login
) -> None:
    desk.host.stop()
    watch = own_stage.watch()
    file = own_stage.connection_file(desk, anna.user)
    assert CONNECT_FAILED in refused(own_stage, desk, anna, file)
    assert_refused(watch.ended(), "rdp-server-down")


def test_removed_host_is_reached_no_more(own_stage: Stage, desk: Published, anna: Login) -> None:
    file = own_stage.connection_file(desk, anna.user)
    own_stage.platform.run("host", "remove", desk.agent.host)
    watch = own_stage.watch()
    assert CONNECT_FAILED in refused(own_stage, desk, anna, file)
    assert_refused(watch.ended(), "pool-empty")


def test_target_outside_the_policy_of_the_host_is_refused_by_its_agent(
    own_stage: Stage, desk: Published, anna: Login
) -> None:
    words = ["resource", "add", "desk", "--host", desk.agent.host, "--target", "127.0.0.1:22"]
    own_stage.platform.run(*words, "--user", anna.user)
    watch = own_stage.watch()
    assert CONNECT_FAILED in refused(own_stage, desk, anna, own_stage.connection_file(desk, anna.user))
    assert_refused(watch.ended(), "agent-refused")

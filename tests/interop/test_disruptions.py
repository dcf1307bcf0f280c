"""What happens to people when a part is killed, stopped or frozen in mid-session."""

import signal
from contextlib import suppress
from pathlib import Path

import pytest

from lab.accounts import uid_of
from lab.freerdp import Version
from lab.listening import descendants
from lab.platform import POLL_S
from lab.process import wait_for
from tests.interop.records import assert_refused
from tests.interop.stage import Login, Published, Stage, desktop_through, seat, unread_bytes

pytestmark = pytest.mark.interop

DESKTOP_PROGRAMS = {"Xorg", "openbox", "xterm", "xclock"}


def session_of(host: Published, login: Login) -> dict[str, int]:
    """Return the programs of a person's desktop on a host, and their process ids."""
    found = {}
    for pid in descendants(host.host.pid):
        # What a shell starts as it begins may be over by now.
        with suppress(FileNotFoundError, ProcessLookupError):
            status = Path(f"/proc/{pid}/status").read_text()
            name = status.split(maxsplit=2)[1]
            if uid_of(status) == login.home.stat().st_uid and name in DESKTOP_PROGRAMS:
                found[name] = pid
    return found


AGENT_BACK_WITHIN_S = 75
"""The longest wait of an agent between two attempts is 60 s."""


@pytest.mark.parametrize("version", [2, 3])
def test_agent_killed_in_mid_session_comes_back_and_the_session_has_lived_on(
    own_stage: Stage, desk: Published, anna: Login, version: Version
) -> None:
    watch = own_stage.watch()
    with desktop_through(own_stage, desk, anna, version) as desktop:
        assert wait_for(lambda: set(session_of(desk, anna)) == DESKTOP_PROGRAMS)
        before = session_of(desk, anna)
        desk.agent.signal(signal.SIGKILL)
        desktop.client.wait_ended()
    # The client tries again by itself, in vain while the agent is away.
    *again, record = watch.all_ended()
    assert record["reason"] == "host-lost"
    assert record["totals"]["to_client_bytes"] > 10_000
    assert {each["reason"] for each in again} <= {"host-offline", "host-leg-late", "client-left"}
    own_stage.platform.wait_for_link(desk.agent.host, up=False)
    desk.agent.start()
    own_stage.platform.wait_for_link(desk.agent.host)
    with desktop_through(own_stage, desk, anna, version) as desktop:
        desktop.types(anna.home)
        assert session_of(desk, anna) == before


@pytest.mark.parametrize("version", [2, 3])
def test_server_restarted_in_mid_session_is_found_again_by_agent_and_client(
    own_stage: Stage, desk: Published, anna: Login, version: Version
) -> None:
    watch = own_stage.watch()
    with desktop_through(own_stage, desk, anna, version) as desktop:
        own_stage.platform.stop()
        desktop.client.wait_ended()
    assert watch.ended()["reason"] == "server-stopped"
    assert not own_stage.platform.link_up(desk.agent.host)
    own_stage.platform.start()
    own_stage.platform.wait_for_link(desk.agent.host, timeout_s=AGENT_BACK_WITHIN_S)
    with desktop_through(own_stage, desk, anna, version) as desktop:
        desktop.types(anna.home)


def placements(stage: Stage) -> int:
    """Return for how many connections a host has been chosen."""
    return stage.platform.log.read_text().count("connection.place")


def failed_checks(stage: Stage, host: Published) -> list[str]:
    """Return the checks for which the host is out of rotation."""
    (found,) = [each["failed"] for each in stage.platform.hosts() if each["name"] == host.agent.host]
    return list(found)


def test_client_that_leaves_while_the_host_is_dialled_leaves_nothing_behind(
    own_stage: Stage, desk: Published, anna: Login
) -> None:
    file = own_stage.connection_file(desk, anna.user)
    watch, placed = own_stage.watch(), placements(own_stage)
    try:
        with seat(own_stage) as desktop:
            # Not before the display is there: an agent that is silent for long is out of rotation.
            desk.agent.signal(signal.SIGSTOP)
            desktop.open(file, anna, desk.pin)
            # The frozen agent has something to read when the order to dial has come, and when a canary's has.
            assert wait_for(lambda: placements(own_stage) > placed)
            assert wait_for(lambda: unread_bytes(desk.agent.pid) > 0)
        assert_refused(watch.ended(), "client-left")
    finally:
        desk.agent.signal(signal.SIGCONT)
    assert wait_for(lambda: failed_checks(own_stage, desk) == [], poll_s=POLL_S)
    with desktop_through(own_stage, desk, anna) as desktop:
        desktop.types(anna.home)

"""Desktops through the platform: both FreeRDPs, every transport, xrdp and NLA hosts."""

from contextlib import ExitStack

import pytest

from lab.freerdp import Version
from tests.interop.records import assert_whole_life, is_closed_by_user
from tests.interop.stage import NAMES, Login, Published, Stage, Transport, desktop_through, seat

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(
    ("version", "transport"),
    [(2, "websocket"), (2, "legacy"), (3, "websocket"), (3, "legacy"), (3, "raw")],
)
def test_desktop_is_seen_and_typed_text_arrives(
    stage: Stage, blue: Published, anna: Login, version: Version, transport: Transport
) -> None:
    watch = stage.watch()
    with desktop_through(stage, blue, anna, version, transport) as desktop:
        desktop.types(anna.home)
        desktop.display.screenshot(stage.folder / f"xfreerdp{version}-{transport}.png")
        assert watch.opened()["ended_at"] is None
    assert_whole_life(watch.ended(), NAMES[transport], anna.user, "blue")


@pytest.mark.parametrize("version", [2, 3])
def test_desktop_of_an_nla_host_is_seen_and_typed_text_arrives(
    stage: Stage, nla: tuple[Published, Login], version: Version
) -> None:
    host, login = nla
    watch = stage.watch()
    with desktop_through(stage, host, login, version) as desktop:
        # The shared terminal starts where the host was started.
        desktop.display.type_in_terminal("cd")
        desktop.types(login.home)
        desktop.display.screenshot(stage.folder / f"xfreerdp{version}-nla.png")
    assert_whole_life(watch.ended(), "tsgu-websocket", login.user, "nla")


@pytest.mark.parametrize("version", [2, 3])
def test_wrong_password_at_nla_ends_the_client(
    stage: Stage, nla: tuple[Published, Login], version: Version
) -> None:
    host, login = nla
    watch = stage.watch()
    with seat(stage, version) as desktop:
        desktop.open(stage.connection_file(host, login.user), login, host.pin, password="wrong")
        desktop.wait_refused()
    # FreeRDP tries again, with a connection of its own, when NLA fails.
    assert all(is_closed_by_user(record) for record in watch.all_ended())


def test_two_people_work_at_once_and_each_types_into_the_own_session(
    stage: Stage, blue: Published, anna: Login, ben: Login
) -> None:
    watch = stage.watch()
    with ExitStack() as stack:
        of_anna = stack.enter_context(desktop_through(stage, blue, anna, 2, "websocket"))
        of_ben = stack.enter_context(desktop_through(stage, blue, ben, 3, "legacy"))
        assert {record["user"] for record in watch.records() if not record["ended_at"]} == {
            anna.user,
            ben.user,
        }
        words = {of_anna.types(anna.home), of_ben.types(ben.home)}
        assert {(person.home / "typed.txt").read_text().strip() for person in (anna, ben)} == words
        assert (anna.home / "typed.txt").read_text() != (ben.home / "typed.txt").read_text()
        assert all(desktop.client.returncode is None for desktop in (of_anna, of_ben))

"""The main window between its person and an engine that writes down its orders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QDialog, QPushButton

from dialback.console.actions import Action
from dialback.console.clients import Display
from dialback.console.connecting import Step
from dialback.console.saved import Saved
from dialback.console.window.dialogs import ConnectDialog, DisplayDialog, Goal
from dialback.console.window.events import (
    Answered,
    Asked,
    ConsoleClosed,
    ConsoleOpening,
    ConsoleSeen,
    Event,
    NotDone,
    NotSaved,
    PlatformLost,
    Stopped,
    TreeRead,
    VersionsWarned,
)
from dialback.console.window.links import Link
from dialback.console.window.main_window import DEEDS, WARNINGS, MainWindow
from dialback.console.window.open_dialog import OpenDialog
from dialback.console.window.platform import Order, Place
from dialback.console.window.version_warning import VersionWarning
from dialback.domain.ids import HostId
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.messages import Done, Log
from tests.console.window.things import (
    ACME,
    ESCAPED,
    FACTS,
    HOSTILE,
    NOW,
    ORDER,
    PLACE,
    SESSIONS,
    Recorder,
    host,
    report,
    tree,
    visit,
)

SEEN = ConsoleSeen(ORDER, FACTS, SESSIONS)


class Desk:
    """A window with tenants in it, and who is behind."""

    def __init__(self, folder: Path, link: Link | None = None) -> None:
        self.engine = Recorder()
        self.window = MainWindow(self.engine, Saved(folder), "gw.example.org", link)
        self.window.show()

    def take(self, *events: Event) -> "Desk":
        for event in events:
            self.window.take(event)
        return self

    def read(self) -> "Desk":
        return self.take(TreeRead(tree(), NOW))

    def dialog(self, kind: type[QDialog]) -> QDialog:
        """Return the newest dialog of the kind in sight."""
        return [each for each in self.window.findChildren(kind) if each.isVisible()][-1]

    def press(self, name: str) -> None:
        found = [each for each in self.window.findChildren(QPushButton, name) if each.isVisible()]
        found[-1].click()


@pytest.fixture
def desk(qt: QApplication, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk.read()
    desk.window.hide()
    desk.window.deleteLater()


def test_chosen_host_is_shown_and_its_tenants_watched(desk: Desk) -> None:
    desk.window.tenants.choose(PLACE)
    assert desk.window.pane.place == PLACE
    assert desk.engine.ordered("watch")[-1] == ({"acme", "bolt"},)


@pytest.mark.parametrize("goal", Goal)
def test_host_is_connected_to_after_the_purpose_is_said(desk: Desk, goal: Goal) -> None:
    desk.window.tenants.choose(PLACE)
    desk.press("connect-desktop" if goal is Goal.DESKTOP else "open-console")
    dialog = desk.dialog(ConnectDialog)
    assert isinstance(dialog, ConnectDialog)
    dialog.purpose.setText("why")
    dialog.connect_button.click()
    order = Order(PLACE, "why")
    assert desk.engine.ordered("connect" if goal is Goal.DESKTOP else "open_console") == [(order,)]

    desk.window.connect_chosen()
    dialog = desk.dialog(ConnectDialog)
    assert isinstance(dialog, ConnectDialog)
    assert dialog.purpose.text() == "why"


def test_nothing_is_connected_to_without_a_host(desk: Desk) -> None:
    desk.engine.orders.clear()
    for deed in ("connect_chosen", "open_chosen", "set_display", "forget_key", "connect_managed"):
        getattr(desk.window, deed)()
    desk.window.act(Action.UPDATE)
    assert desk.engine.orders == []
    assert [each for each in desk.window.findChildren(QDialog) if each.isVisible()] == []


def test_host_is_opened_by_name(desk: Desk) -> None:
    desk.window.open_by_name()
    dialog = desk.dialog(OpenDialog)
    assert isinstance(dialog, OpenDialog)
    dialog.server.setText("acme/files")
    dialog.purpose.setText("why")
    dialog.connect_button.click()
    assert desk.engine.ordered("open_console") == [(Order(PLACE, "why"),)]


def test_display_is_kept_for_the_host(desk: Desk) -> None:
    desk.window.tenants.choose(PLACE)
    desk.window.set_display()
    dialog = desk.dialog(DisplayDialog)
    assert isinstance(dialog, DisplayDialog)
    dialog.full_screen.setChecked(True)
    dialog.save_button.click()
    assert desk.engine.ordered("save_display") == [(PLACE, Display(full_screen=True))]


def test_main_menu_opens_the_desktop_of_the_host_the_console_is_connected_to(desk: Desk) -> None:
    desk.take(ConsoleOpening(ORDER), SEEN)
    assert desk.window.windowTitle().startswith("acme/files")
    desk.window.connect_managed()
    assert desk.engine.ordered("connect") == [(ORDER,)]
    desk.window.disconnect_console()
    assert desk.engine.ordered("close_console") == [()]


def test_link_of_the_warning_opens_the_desktop(desk: Desk) -> None:
    desk.take(VersionsWarned(ORDER, VersionRange(1, 1), VersionRange(2, 2)))
    warning = desk.dialog(VersionWarning)
    assert isinstance(warning, VersionWarning)
    warning.link.click()
    assert desk.engine.ordered("connect") == [(ORDER,)]


@pytest.mark.parametrize("action", sorted(WARNINGS))
def test_what_hurts_is_asked_twice(desk: Desk, action: Action) -> None:
    desk.take(SEEN)
    desk.window._warn(action, "s1" if action is Action.LOG_OFF else "")
    assert desk.engine.ordered("ask") == []
    desk.press("question-yes")
    [(order, asked, session)] = desk.engine.ordered("ask")
    assert (order, asked, session) == (ORDER, action, "s1" if action is Action.LOG_OFF else "")
    assert action in DEEDS


def test_log_is_read_and_shown(desk: Desk) -> None:
    desk.window.tenants.choose(PLACE)
    desk.take(SEEN)
    desk.window.pane.log_wanted.emit("rdp")
    assert desk.engine.ordered("ask") == [(ORDER, Action.LOG, "rdp")]
    desk.take(Asked(PLACE, Action.LOG))
    assert "read a log" in desk.window.statusBar().currentMessage()
    desk.take(Answered(PLACE, Action.LOG, Log(lines=("one",))))
    assert desk.window.pane.log.lines.toPlainText() == "one"
    assert desk.window.statusBar().currentMessage() == ""


def test_answers_and_failures_are_noticed(desk: Desk) -> None:
    desk.take(Answered(PLACE, Action.UPDATE, Done(detail="begun")))
    assert desk.window.notice.text == "acme/files: update the agent, done: begun."
    desk.take(NotDone(PLACE, Action.UPDATE, "The host does not offer this."))
    assert desk.window.notice.text == "acme/files: The host does not offer this."
    desk.take(NotSaved("the disk is full"))
    assert desk.window.notice.text == "the disk is full"
    desk.take(SEEN, ConsoleClosed(ORDER, "the agent ended the session"))
    assert desk.window.notice.text == "acme/files: the agent ended the session"
    assert desk.window.windowTitle() == "Dialback Remote Access Console"


def test_visits_are_listed_and_their_failure_noticed_once(desk: Desk) -> None:
    desk.take(visit(step=Step.REACHING))
    assert "consent" in desk.window.running.table.item(0, 1).text()  # type: ignore[union-attr]
    desk.take(visit(step=Step.REACHING, problem="denied"))
    assert desk.window.notice.text == "acme/files: denied"
    desk.window.notice.hide()
    desk.take(visit(step=Step.ENDED, problem="denied"))
    assert desk.window.notice.text == ""
    desk.window.running.end_wanted.emit(1)
    desk.window.tray.end_wanted.emit(2)
    assert desk.engine.ordered("end") == [(1,), (2,)]


def test_lost_platform_is_noticed_until_it_answers(desk: Desk) -> None:
    desk.take(PlatformLost("gw cannot be reached."))
    assert desk.window.notice.text == "gw cannot be reached."
    assert desk.window.tenants.texts()
    desk.read()
    assert desk.window.notice.text == ""


def test_link_is_shown_for_confirmation(qt: QApplication, tmp_path: Path) -> None:
    desk = Desk(tmp_path, Link("acme/files", "why", "1")).read()
    dialog = desk.dialog(ConnectDialog)
    assert isinstance(dialog, ConnectDialog)
    assert dialog.purpose.text() == "why"
    assert desk.engine.ordered("connect") == []
    dialog.reject()
    desk.window.hide()


def test_link_of_a_later_start_is_shown_for_confirmation(qt: QApplication, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.window.take_link(Link("acme/files", "too early"))
    assert not desk.window.findChildren(ConnectDialog)
    desk.read()
    dialog = desk.dialog(ConnectDialog)
    assert isinstance(dialog, ConnectDialog)
    assert dialog.purpose.text() == "too early"
    dialog.reject()
    desk.window.showMinimized()

    desk.window.take_link(Link("acme/files", "why"))
    dialog = desk.dialog(ConnectDialog)
    assert isinstance(dialog, ConnectDialog)
    assert dialog.purpose.text() == "why"
    assert not desk.window.isMinimized()
    assert desk.engine.ordered("connect") == []
    dialog.reject()
    desk.window.hide()


def test_later_start_without_a_link_calls_the_window(qt: QApplication, tmp_path: Path) -> None:
    desk = Desk(tmp_path).read()
    desk.window.showMinimized()
    desk.window.take_link(None)
    assert not desk.window.isMinimized()
    assert not desk.window.findChildren(ConnectDialog)
    desk.window.hide()


def test_link_to_no_host_is_noticed(qt: QApplication, tmp_path: Path) -> None:
    desk = Desk(tmp_path, Link("acme/nothing")).read()
    assert "no host 'acme/nothing'" in desk.window.notice.text
    desk.window.hide()


def test_key_is_forgotten_when_it_is_agreed(desk: Desk) -> None:
    desk.window.tenants.choose(PLACE)
    desk.window.forget_key()
    assert desk.engine.ordered("forget_key") == []
    desk.press("question-yes")
    assert desk.engine.ordered("forget_key") == [(PLACE,)]


def test_fingerprint_is_copied(desk: Desk) -> None:
    desk.window.tenants.choose(PLACE)
    desk.window.copy_fingerprint()
    assert QApplication.clipboard().text() == "ab" * 32
    desk.window.tenants.choose(Place(ACME, HostId("h2"), "acme/mail"))
    desk.window.copy_fingerprint()
    assert "announced no certificate" in desk.window.notice.text


def test_menu_at_a_host_is_about_that_host(desk: Desk) -> None:
    desk.window.tenants.menu_wanted.emit(PLACE, QPoint(5, 5))
    assert desk.window.tenants.place == PLACE
    assert desk.window.menus.host.isVisible()
    desk.window.menus.host.close()


def test_refresh_and_about(desk: Desk) -> None:
    desk.window.refresh()
    assert desk.engine.ordered("refresh") == [()]
    desk.window.about()
    desk.window._come_forward()
    assert desk.window.isVisible()


def test_host_that_is_gone_is_shown_no_more(desk: Desk) -> None:
    desk.window.tenants.choose(PLACE)
    desk.take(TreeRead(tree(host("h2", "mail", report=report())), NOW))
    assert desk.window.pane.place != PLACE


def test_hostile_words_are_text_wherever_they_are_shown(desk: Desk) -> None:
    place = Place(ACME, HostId("h1"), f"acme/{HOSTILE}")
    order = Order(place, "why")
    desk.take(
        ConsoleOpening(order),
        ConsoleSeen(order, FACTS, SESSIONS),
        Answered(place, Action.UPDATE, Done(detail="<b>done</b>")),
        VersionsWarned(order, VersionRange(1, 1), VersionRange(2, 2)),
    )
    assert ESCAPED in desk.window.notice.text
    assert "<b>done</b>" in desk.window.notice.text
    assert "\x1b" not in desk.window.windowTitle()
    warning = desk.dialog(VersionWarning)
    assert isinstance(warning, VersionWarning)
    assert ESCAPED in warning.text.text()


def test_window_closes_at_once_when_nothing_runs(desk: Desk) -> None:
    desk.window.close()
    assert desk.engine.stopped
    assert not desk.window.isVisible()


def test_window_asks_before_it_ends_remote_desktops(desk: Desk) -> None:
    desk.take(visit(step=Step.CONNECTED))
    desk.window.close()
    assert desk.window.isVisible()
    assert not desk.engine.stopped
    desk.press("question-no")
    assert not desk.engine.stopped
    desk.window.close()
    desk.press("question-yes")
    assert desk.engine.stopped
    desk.take(Stopped())
    desk.window.close()


def test_engine_that_fails_is_noticed(desk: Desk) -> None:
    desk.take(Stopped())
    assert "failed inside" in desk.window.notice.text
    desk.window.close()
    assert not desk.window.isVisible()

"""The menu beside the clock."""

from dataclasses import replace

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtWidgets import QApplication, QWidget

from dialback.console.window.platform import Order, Place
from dialback.console.window.tray import Tray, visit_line
from dialback.domain.ids import HostId
from tests.console.window.things import ACME, visit


def titles(tray: Tray) -> list[str]:
    return [action.text() for action in tray.menu.actions() if action.isVisible() and action.text()]


def test_running_redirectors_are_listed_with_name_address_and_bytes(qt: QApplication) -> None:
    parent = QWidget()
    tray = Tray(parent)
    assert titles(tray)[0] == "No remote desktop runs"

    tray.show_visits([visit(1, address="127.1.2.3:3389", to_host_bytes=1500), visit(2)])
    assert titles(tray)[0] == "acme/files    127.1.2.3:3389    1.5 kB"
    assert len(titles(tray)) == 3

    tray.show_visits([])
    assert titles(tray)[0] == "No remote desktop runs"
    tray.hide()


def test_redirector_is_ended_and_window_and_quit_are_told(qt: QApplication) -> None:
    parent = QWidget()
    tray = Tray(parent)
    heard: list[object] = []
    tray.end_wanted.connect(heard.append)
    tray.window_wanted.connect(lambda: heard.append("window"))
    tray.quit_wanted.connect(lambda: heard.append("quit"))
    tray.show_visits([visit(7, address="127.1.2.3:3389")])
    running, _, *rest = [action for action in tray.menu.actions() if action.isVisible()]
    menu = next(each for each in tray._visits.values())
    assert menu.menuAction() is running
    menu.actions()[0].trigger()
    for action in rest:
        action.trigger()
    assert heard == [7, "window", "quit"]


def test_ampersand_of_a_name_marks_no_key() -> None:
    order = Order(Place(ACME, HostId("h1"), "acme/a&b"), "why")
    shown = replace(visit(address="127.1.2.3:1"), order=order)
    assert visit_line(shown) == "acme/a&&b    127.1.2.3:1    0 bytes"

"""The *Open Remote Access Console* dialog: what is typed, and what Ctrl decides."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from dialback.console.window.dialogs import DESKTOP_TEXT, Goal
from dialback.console.window.links import Link
from dialback.console.window.open_dialog import CONNECT_TEXT, OpenDialog
from dialback.console.window.platform import Order
from tests.console.window.things import PLACE, tree

CONTROL = Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


class Typed:
    """A dialog that is filled in, and what it ordered."""

    def __init__(self, server: str = "acme/files") -> None:
        self.orders: list[tuple[Order, Goal]] = []
        self.dialog = OpenDialog(None, tree(), Link(server))
        self.dialog.ordered.connect(lambda order, goal: self.orders.append((order, goal)))
        self.dialog.purpose.setText("why")
        self.dialog.user.setText("ann")
        self.dialog.port.setValue(3390)
        self.dialog.show()


def test_connect_opens_the_console_and_keeps_the_port_for_its_remote_desktop(qt: QApplication) -> None:
    typed = Typed()
    QTest.mouseClick(typed.dialog.connect_button, LEFT)
    assert typed.orders == [(Order(PLACE, "why", "", "127.0.0.1:3390", "ann"), Goal.CONSOLE)]


def test_connect_with_ctrl_held_opens_the_remote_desktop(qt: QApplication) -> None:
    typed = Typed()
    QTest.mouseClick(typed.dialog.connect_button, LEFT, CONTROL)
    assert typed.orders == [(Order(PLACE, "why", "", "127.0.0.1:3390", "ann"), Goal.DESKTOP)]


def test_ctrl_and_return_open_the_remote_desktop(qt: QApplication) -> None:
    typed = Typed()
    QTest.keyClick(typed.dialog.purpose, Qt.Key.Key_Return, CONTROL)
    assert [goal for _, goal in typed.orders] == [Goal.DESKTOP]


def test_return_opens_the_console(qt: QApplication) -> None:
    typed = Typed()
    QTest.keyClick(typed.dialog.purpose, Qt.Key.Key_Return)
    assert [goal for _, goal in typed.orders] == [Goal.CONSOLE]


def test_button_says_what_it_does_while_ctrl_is_held(qt: QApplication) -> None:
    typed = Typed()
    width = typed.dialog.connect_button.width()
    QTest.keyPress(typed.dialog.purpose, Qt.Key.Key_Control)
    assert typed.dialog.connect_button.text() == DESKTOP_TEXT
    assert typed.dialog.connect_button.width() == width
    QTest.keyRelease(typed.dialog.purpose, Qt.Key.Key_Control)
    assert typed.dialog.connect_button.text() == CONNECT_TEXT


def test_name_of_no_host_is_said_and_nothing_ordered(qt: QApplication) -> None:
    typed = Typed("acme/nothing")
    typed.dialog.connect_button.click()
    assert "no host 'acme/nothing'" in typed.dialog.hint.text()
    assert typed.orders == []


def test_server_and_purpose_are_wanted(qt: QApplication) -> None:
    typed = Typed("")
    assert "Type the server" in typed.dialog.hint.text()
    assert not typed.dialog.connect_button.isEnabled()
    QTest.keyClick(typed.dialog.purpose, Qt.Key.Key_Return, CONTROL)
    assert typed.orders == []
    typed.dialog.server.setText("files")
    assert "Hold Ctrl" in typed.dialog.hint.text()
    typed.dialog.purpose.setText("")
    assert not typed.dialog.connect_button.isEnabled()

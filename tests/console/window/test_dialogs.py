"""The dialogs about one host."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from dialback.console.clients import Display
from dialback.console.window.dialogs import AUTOMATIC, ConnectDialog, DisplayDialog, Goal
from dialback.console.window.links import Link
from dialback.console.window.platform import Order, Place
from dialback.domain.ids import HostId
from tests.console.window.things import ACME, ESCAPED, HOSTILE, PLACE


def test_purpose_is_wanted_before_anything_is_asked(qt: QApplication) -> None:
    orders: list[Order] = []
    dialog = ConnectDialog(None, PLACE, Goal.DESKTOP, Link("acme/files"))
    dialog.ordered.connect(orders.append)
    assert not dialog.connect_button.isEnabled()
    assert "Say why" in dialog.hint.text()

    dialog.purpose.setText(" printer is stuck ")
    dialog.ticket_number.setText("4711")
    dialog.user.setText("ann")
    dialog.connect_button.click()

    assert orders == [Order(PLACE, "printer is stuck", "4711", user="ann")]


def test_what_a_link_proposes_is_confirmed_and_not_done(qt: QApplication) -> None:
    orders: list[Order] = []
    dialog = ConnectDialog(None, PLACE, Goal.DESKTOP, Link("acme/files", "why", "1", "ann"))
    dialog.ordered.connect(orders.append)

    assert (dialog.purpose.text(), dialog.ticket_number.text(), dialog.user.text()) == ("why", "1", "ann")
    assert dialog.connect_button.isEnabled()
    assert orders == []


def test_display_settings_are_offered_for_a_desktop_alone(qt: QApplication) -> None:
    wanted: list[Place] = []
    desktop = ConnectDialog(None, PLACE, Goal.DESKTOP, Link(""))
    desktop.display_wanted.connect(wanted.append)
    found = desktop.findChild(QPushButton, "display-settings")
    assert isinstance(found, QPushButton)
    found.click()
    assert wanted == [PLACE]

    console = ConnectDialog(None, PLACE, Goal.CONSOLE, Link(""))
    assert console.findChild(QPushButton, "display-settings") is None
    assert not console.user.isVisibleTo(console)


def test_hostile_name_is_text(qt: QApplication) -> None:
    place = Place(ACME, HostId("h1"), f"acme/{HOSTILE}")
    for dialog in (ConnectDialog(None, place, Goal.CONSOLE, Link("")), DisplayDialog(None, place, Display())):
        assert f"acme/{ESCAPED}" in [each.text() for each in dialog.findChildren(QLabel)]


@pytest.mark.parametrize(
    "display",
    [
        Display(),
        Display(1280, 800, full_screen=True, clipboard=False),
        Display(1111, 777, multi_monitor=True, sound=True, user="ann"),
    ],
)
def test_display_is_saved_as_it_was_shown(qt: QApplication, display: Display) -> None:
    saved: list[Display] = []
    dialog = DisplayDialog(None, PLACE, display)
    dialog.saved.connect(saved.append)
    dialog.save_button.click()
    assert saved == [display]


def test_display_is_changed(qt: QApplication) -> None:
    saved: list[Display] = []
    dialog = DisplayDialog(None, PLACE, Display(1280, 800, user="ann"))
    dialog.saved.connect(saved.append)
    dialog.size_box.setCurrentText(AUTOMATIC)
    dialog.full_screen.setChecked(True)
    dialog.user.setText("x" * 500)
    assert not dialog.save_button.isEnabled()
    dialog.user.setText("")
    dialog.save_button.click()
    assert saved == [Display(full_screen=True)]

"""The menus."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMainWindow

from dialback.console.actions import Action
from dialback.console.window.menus import Menus
from dialback.domain.management import Offer
from tests.console.window.things import OFFERS, PLACE, Recorder


def actions(window: QMainWindow) -> list[QAction]:
    found = window.findChildren(QAction)
    return [action for action in found if action.objectName().startswith("action-")]


def test_entries_do_what_they_say_and_no_keys_are_taken_twice(qt: QApplication) -> None:
    window, deeds = QMainWindow(), Recorder()
    menus = Menus(window, deeds)  # type: ignore[arg-type]
    menus.show_chosen(PLACE)
    menus.show_managed(PLACE, OFFERS)
    for action in actions(window):
        action.trigger()
    acts = [(Action.RESTART_RDP,), (Action.RESTART_AGENT,), (Action.UPDATE,)]
    assert deeds.ordered("act") == acts
    assert len(deeds.orders) == len(actions(window)) == 14
    keys = [action.shortcut().toString() for action in actions(window) if action.shortcut().toString()]
    assert len(keys) == len(set(keys))


def test_what_the_host_does_not_offer_is_greyed(qt: QApplication) -> None:
    window = QMainWindow()
    menus = Menus(window, Recorder())  # type: ignore[arg-type]
    menus.show_managed(PLACE, [Offer.RESTART_AGENT])
    offered = {action.objectName() for action in actions(window) if action.isEnabled()}
    assert "action-restart-agent" in offered
    assert "action-disconnect" in offered
    assert offered.isdisjoint({"action-restart-rdp", "action-update-agent"})


def test_entries_are_offered_for_a_host_alone(qt: QApplication) -> None:
    window = QMainWindow()
    menus = Menus(window, Recorder())  # type: ignore[arg-type]
    offered = {action.objectName() for action in actions(window) if action.isEnabled()}
    assert offered == {"action-open-by-name", "action-refresh", "action-quit", "action-about"}
    menus.show_managed(PLACE)
    assert menus.console.actions()[0].text() == "Connected to acme/files"
    menus.show_managed(None)
    assert menus.console.actions()[0].text() == "Not connected to a host"

"""Runs `dialback` as it is, and answers on stdin and stdout what its window shows and where.

A test presses real keys and buttons on the X display; from here it learns where a widget is on the screen and
what is written on it, for which X has no means. Nothing is pressed or changed from here.
"""

import json
import sys
import threading
import time
from typing import Any

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QApplication,
    QMenu,
    QMenuBar,
    QTableWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from dialback.cli.main import main


class Probe(QObject):
    """Answers questions in Qt's own thread."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.asked.connect(self.answer, Qt.ConnectionType.QueuedConnection)

    def answer(self, line: str) -> None:
        question, name = json.loads(line)
        try:
            answer = {"answer": getattr(self, f"say_{question}")(name)}
        except Exception as error:
            answer = {"problem": f"{question} {name}: {error!r}"}
        print(json.dumps(answer), flush=True)

    def say_where(self, name: str) -> list[int] | None:
        """Return the middle of a widget in sight, on the screen."""
        widget = find(name)
        return middle(widget, widget.rect().center()) if widget else None

    def say_row(self, text: str) -> list[int] | None:
        """Return the middle of a row of the tree."""
        tree = find("tenants")
        if not isinstance(tree, QTreeWidget):
            return None
        for item in items(tree):
            if item.text(0) == text:
                return middle(tree.viewport(), tree.visualItemRect(item).center())
        return None

    def say_rows(self, name: str) -> list[list[str]]:
        """Return what a tree or a table shows."""
        widget = find(name)
        if isinstance(widget, QTreeWidget):
            return [[item.text(at) for at in range(item.columnCount())] for item in items(widget)]
        assert isinstance(widget, QTableWidget), name
        columns = range(widget.columnCount())
        return [
            [found.text() if (found := widget.item(row, at)) else "" for at in columns]
            for row in range(widget.rowCount())
        ]

    def say_entry(self, name: str) -> list[int] | None:
        """Return the middle of an entry of an open menu."""
        for menu in QApplication.allWidgets():
            if isinstance(menu, QMenu) and menu.isVisible():
                for action in menu.actions():
                    if action.objectName() == name:
                        return middle(menu, menu.actionGeometry(action).center())
        return None

    def say_menu(self, name: str) -> list[int] | None:
        """Return the middle of a menu's title in the menu bar."""
        menu = find(name, visible=False)
        assert isinstance(menu, QMenu), name
        (bar,) = (each for each in QApplication.allWidgets() if isinstance(each, QMenuBar))
        return middle(bar, bar.actionGeometry(menu.menuAction()).center())

    def say_offered(self, name: str) -> bool:
        """Say whether a menu's entry may be chosen."""
        found = [each.findChild(QAction, name) for each in QApplication.topLevelWidgets()]
        return next(action.isEnabled() for action in found if action is not None)

    def say_text(self, name: str) -> str | None:
        """Return what is written on a widget in sight."""
        widget: Any = find(name)
        if widget is None:
            return None
        for method in ("toPlainText", "text"):
            if hasattr(widget, method):
                return str(getattr(widget, method)())
        return str(widget.windowTitle())

    def say_pairs(self, name: str) -> list[list[str]]:
        """Return names and values of the rows of a pane."""
        widget: Any = find(name)
        return [list(row) for row in widget.rows] if widget else []

    def say_enabled(self, name: str) -> bool:
        """Say whether a widget is in sight and may be used."""
        widget = find(name)
        return widget is not None and widget.isEnabled()

    def say_focused(self, name: str) -> bool:
        """Say whether what is typed goes into a widget, or into one inside it."""
        widget, focused = find(name), QApplication.focusWidget()
        return widget is not None and focused is not None and widget in (focused, focused.parentWidget())

    def say_active(self, name: str) -> bool:
        """Say whether the widget's window has the keyboard."""
        widget = find(name)
        return widget is not None and widget.isActiveWindow()

    def say_titles(self, name: str) -> list[str]:
        """Return the titles of a menu's entries."""
        menu = find(name, visible=False)
        assert isinstance(menu, QMenu), name
        return [action.text() for action in menu.actions() if action.isVisible() and action.text()]


def find(name: str, *, visible: bool = True) -> QWidget | None:
    """Return the widget of the name, of the newest window that has one in sight."""
    active = QApplication.activeModalWidget()
    found = [each for each in QApplication.allWidgets() if each.objectName() == name]
    found = [each for each in found if each.isVisible() or not visible]
    inside = [each for each in found if active and (each is active or active.isAncestorOf(each))]
    return next(iter(inside or found), None)


def items(tree: QTreeWidget) -> list[QTreeWidgetItem]:
    """Return all rows of a tree, from the top."""
    found = []
    for at in range(tree.topLevelItemCount()):
        item = tree.topLevelItem(at)
        found += [item, *(item.child(below) for below in range(item.childCount()))]
    return found


def middle(widget: QWidget, at: QPoint) -> list[int]:
    """Return a point of a widget on the screen."""
    point = widget.mapToGlobal(at)
    return [point.x(), point.y()]


def listen() -> None:
    """Hand every line of stdin to a probe in Qt's thread."""
    while not (application := QApplication.instance()):
        time.sleep(0.02)
    probe = Probe()
    probe.moveToThread(application.thread())
    for line in sys.stdin:
        probe.asked.emit(line)


if __name__ == "__main__":
    threading.Thread(target=listen, daemon=True).start()
    main()

"""The icon beside the clock: which redirectors run, where they listen, what went through, how to end one."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from dialback.console.window.events import Visit
from dialback.console.window.marks import console_icon
from dialback.console.window.texts import bytes_text, in_menu


class Tray(QObject):
    """The icon and its menu. Without a place for icons on the desktop there is the menu alone, unseen."""

    end_wanted = Signal(int)
    """The number of a visit."""
    window_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.menu = QMenu(parent)
        self.menu.setObjectName("tray-menu")
        self._visits: dict[int, QMenu] = {}
        self._none = self.menu.addAction("No remote desktop runs")
        self._none.setEnabled(False)
        self._end = self.menu.addSeparator()
        self._add("&Open the console", self.window_wanted.emit)
        self._add("&Quit", self.quit_wanted.emit)
        self._icon = QSystemTrayIcon(console_icon(), self)
        self._icon.setContextMenu(self.menu)
        self._icon.activated.connect(self._activated)
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._icon.show()

    def show_visits(self, visits: Sequence[Visit]) -> None:
        """Show the visits whose redirectors run."""
        running = {visit.number: visit for visit in visits if visit.address}
        for number in set(self._visits) - set(running):
            self.menu.removeAction(self._visits.pop(number).menuAction())
        for number, visit in running.items():
            if number not in self._visits:
                self._visits[number] = self._add_visit(number)
            self._visits[number].setTitle(visit_line(visit))
        self._none.setVisible(not running)
        self._icon.setToolTip(f"Dialback console: {len(running)} remote desktops")

    def hide(self) -> None:
        """Take the icon away."""
        self._icon.hide()

    def _add(self, text: str, do: Callable[[], object]) -> None:
        self.menu.addAction(text).triggered.connect(lambda _: do())

    def _add_visit(self, number: int) -> QMenu:
        menu = QMenu(self.menu)
        menu.addAction("&End").triggered.connect(lambda _: self.end_wanted.emit(number))
        self.menu.insertMenu(self._end, menu)
        return menu

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.window_wanted.emit()


def visit_line(visit: Visit) -> str:
    """Return a running redirector as one line of a menu."""
    total = bytes_text(visit.to_client_bytes + visit.to_host_bytes)
    return f"{in_menu(visit.order.place.name)}    {visit.address}    {total}"

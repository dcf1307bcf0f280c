"""The main window's menus: what each entry is called, its keys, and what it does.

*Host* is about the host chosen in the tree, *Console* about the one the console is connected to.
"""

from collections.abc import Callable, Collection
from typing import Protocol

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from dialback.console.actions import OFFERS, Action
from dialback.console.window.platform import Place
from dialback.console.window.texts import in_menu


class Deeds(Protocol):
    """What the entries do."""

    def open_by_name(self) -> None: ...
    def refresh(self) -> None: ...
    def close(self) -> object: ...
    def connect_chosen(self) -> None: ...
    def open_chosen(self) -> None: ...
    def set_display(self) -> None: ...
    def copy_fingerprint(self) -> None: ...
    def forget_key(self) -> None: ...
    def connect_managed(self) -> None: ...
    def act(self, action: Action) -> None: ...
    def disconnect_console(self) -> None: ...
    def about(self) -> None: ...


class Menus:
    """The menus of a window; `host` is shown at a host in the tree as well."""

    def __init__(self, window: QMainWindow, deeds: Deeds) -> None:
        self._window = window
        file = self._menu("&File")
        self._add(file, "&Open Remote Access Console…", "open-by-name", deeds.open_by_name, "Ctrl+O")
        self._add(file, "&Refresh", "refresh", deeds.refresh, "F5")
        file.addSeparator()
        self._add(file, "&Quit", "quit", deeds.close, "Ctrl+Q")
        self.host = self._menu("&Host")
        self._host = [
            self._add(
                self.host, "Connect by &remote desktop…", "host-desktop", deeds.connect_chosen, "Ctrl+D"
            ),
            self._add(self.host, "Open &console…", "host-console", deeds.open_chosen, "Ctrl+E"),
            self._add(self.host, "&Display settings…", "host-display", deeds.set_display),
            self._add(self.host, "Copy certificate &fingerprint", "host-copy", deeds.copy_fingerprint),
            self._add(self.host, "Forget host &key…", "host-forget", deeds.forget_key),
        ]
        self.console = self._menu("&Console")
        self._connected = self.console.addAction("")
        self._connected.setEnabled(False)
        self.console.addSeparator()
        self._console = [
            self._add(
                self.console,
                "Connect by &remote desktop",
                "console-desktop",
                deeds.connect_managed,
                "Ctrl+Shift+D",
            ),
        ]
        self._acts = {
            Action.RESTART_RDP: self._act("Restart the RDP &service…", deeds, Action.RESTART_RDP),
            Action.RESTART_AGENT: self._act("Restart the &agent…", deeds, Action.RESTART_AGENT),
            Action.UPDATE: self._act("&Update the agent…", deeds, Action.UPDATE),
        }
        self._console.append(self._add(self.console, "&Disconnect", "disconnect", deeds.disconnect_console))
        self._add(self._menu("H&elp"), "&About", "about", deeds.about)
        self.show_chosen(None)
        self.show_managed(None)

    def show_chosen(self, place: Place | None) -> None:
        """Offer what can be done with the chosen host."""
        for action in self._host:
            action.setEnabled(place is not None)

    def show_managed(self, place: Place | None, offers: Collection[str] = ()) -> None:
        """Offer what can be done with the host the console is connected to; `offers` is what it offers."""
        self._connected.setText(f"Connected to {in_menu(place.name)}" if place else "Not connected to a host")
        for action in self._console:
            action.setEnabled(place is not None)
        for deed, action in self._acts.items():
            action.setEnabled(place is not None and OFFERS[deed] in offers)

    def _menu(self, title: str) -> QMenu:
        menu = self._window.menuBar().addMenu(title)
        menu.setObjectName(f"menu-{title.replace('&', '').lower()}")
        return menu

    def _add(self, menu: QMenu, text: str, name: str, do: Callable[[], object], keys: str = "") -> QAction:
        action = menu.addAction(text)
        action.setObjectName(f"action-{name}")
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _: do())
        return action

    def _act(self, text: str, deeds: Deeds, action: Action) -> QAction:
        return self._add(self.console, text, OFFERS[action], lambda: deeds.act(action))

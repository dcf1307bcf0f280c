"""The main window: tenants on the left, one host on the right, remote desktops below.

It shows events and gives orders, and keeps nothing that the engine knows. Closing it ends everything the
engine has started; while that takes its time, the window is out of sight already.
"""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMessageBox, QSplitter, QWidget

from dialback import __version__
from dialback.console.actions import Action
from dialback.console.clients import Display
from dialback.console.saved import Saved
from dialback.console.window.details import HostPane
from dialback.console.window.dialogs import ConnectDialog, DisplayDialog, Goal
from dialback.console.window.engine import Engine
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
    Visit,
)
from dialback.console.window.links import Link
from dialback.console.window.marks import console_icon
from dialback.console.window.menus import Menus
from dialback.console.window.open_dialog import OpenDialog
from dialback.console.window.plain import GAP, Notice, Question, column, label
from dialback.console.window.platform import Order, Place
from dialback.console.window.running import RunningList
from dialback.console.window.tenants_view import TenantsView
from dialback.console.window.texts import in_title, instant_text, safe, sentence_of
from dialback.console.window.tray import Tray
from dialback.console.window.tree import NoSuchHost, Tree
from dialback.console.window.version_warning import VersionWarning
from dialback.wire.management.messages import Done, Log, Source

SIZE = (1120, 740)
WARNINGS = {
    Action.LOG_OFF: "The session is ended on {host}, with everything open in it.",
    Action.RESTART_RDP: "Restarting the RDP service of {host} cuts every remote desktop on it.",
    Action.RESTART_AGENT: "Restarting the agent of {host} ends this console and its connections.",
    Action.UPDATE: "The agent of {host} begins to update itself.",
}
DEEDS = {
    Action.LOG: "read a log",
    Action.LOG_OFF: "log a session off",
    Action.RESTART_RDP: "restart the RDP service",
    Action.RESTART_AGENT: "restart the agent",
    Action.UPDATE: "update the agent",
}


class Orders(Protocol):
    """Takes orders to the engine."""

    def order(self, order: Callable[[Engine], None]) -> None:
        """Have the engine do something, some time soon."""

    def stop(self) -> None:
        """Have it end everything; `Stopped` follows."""


class MainWindow(QMainWindow):
    """The console's window. `server` is the platform's name, `link` what it was started with."""

    def __init__(self, orders: Orders, saved: Saved, server: str, link: Link | None = None) -> None:
        super().__init__()
        self._orders = orders
        self._saved = saved
        self._link = link
        self._tree = Tree()
        self._proposed: dict[Place, Link] = {}
        self._managed: Order | None = None
        self._seen: ConsoleSeen | None = None
        self._has_read = self._is_closing = self._has_stopped = False
        self.setWindowTitle("Dialback Remote Access Console")
        self.setWindowIcon(console_icon())
        self.resize(*SIZE)
        self.notice = Notice()
        self.tenants = TenantsView()
        self.pane = HostPane()
        self.running = RunningList()
        self.menus = Menus(self, self)
        self.tray = Tray(self)
        self._server, self._read = label(safe(server), "server"), label("Reading …", "read-at")
        self._console = label("", "console-state")
        self._lay_out()
        self._wire()

    def _lay_out(self) -> None:
        across = QSplitter(Qt.Orientation.Horizontal)
        across.addWidget(self.tenants)
        across.addWidget(self.pane)
        across.setSizes([400, SIZE[0] - 400])
        down = QSplitter(Qt.Orientation.Vertical)
        down.addWidget(across)
        down.addWidget(self.running)
        down.setSizes([SIZE[1] - 180, 180])
        for splitter in (across, down):
            splitter.setChildrenCollapsible(False)
        down.setStretchFactor(0, 1)
        middle = QWidget()
        layout = column(self.notice, down)
        layout.setContentsMargins(GAP, GAP, GAP, 4)
        layout.setStretch(1, 1)
        middle.setLayout(layout)
        self.setCentralWidget(middle)
        for shown in (self._server, self._console, self._read):
            shown.setWordWrap(False)
            shown.setContentsMargins(GAP, 0, GAP, 0)
        self.statusBar().addWidget(self._server)
        self.statusBar().addWidget(self._console)
        self.statusBar().addPermanentWidget(self._read)

    def _wire(self) -> None:
        self.tenants.chosen.connect(self._show_chosen)
        self.tenants.opened.connect(self._connect)
        self.tenants.watched.connect(lambda ids: self._orders.order(lambda engine: engine.watch(ids)))
        self.tenants.menu_wanted.connect(self._show_menu)
        self.pane.desktop_wanted.connect(self.connect_chosen)
        self.pane.console_wanted.connect(self.open_chosen)
        self.pane.display_wanted.connect(self.set_display)
        self.pane.log_off_wanted.connect(lambda session: self._warn(Action.LOG_OFF, session))
        self.pane.log_wanted.connect(self._read_log)
        self.running.end_wanted.connect(self._end)
        self.tray.end_wanted.connect(self._end)
        self.tray.window_wanted.connect(self._come_forward)
        self.tray.quit_wanted.connect(self.close)
        self.tenants.search.setFocus()

    # --- what the menus do

    def open_by_name(self) -> None:
        """Show the *Open Remote Access Console* dialog."""
        place = self.tenants.place
        dialog = OpenDialog(self, self._tree, Link(place.name if place else ""))
        dialog.ordered.connect(self._take)
        dialog.open()

    def refresh(self) -> None:
        """Read everything now."""
        self._orders.order(lambda engine: engine.refresh())

    def connect_chosen(self) -> None:
        """Ask why, then open the chosen host's remote desktop."""
        if place := self.tenants.place:
            self._connect(place)

    def open_chosen(self) -> None:
        """Ask why, then open the console at the chosen host."""
        if place := self.tenants.place:
            self._ask_why(place, Goal.CONSOLE)

    def set_display(self) -> None:
        """Change how the chosen host is shown."""
        if place := self.tenants.place:
            self._set_display(place, self)

    def copy_fingerprint(self) -> None:
        """Copy the certificate's fingerprint that the host's agent announced."""
        found = self._tree.host(self.tenants.place) if self.tenants.place else None
        servers = found[1].report.rdp_servers if found and found[1].report else ()
        shown = [server.certificate_sha256 for server in servers if server.certificate_sha256]
        if shown:
            QApplication.clipboard().setText(shown[0])
        else:
            self.notice.say("The host's agent has announced no certificate.")

    def forget_key(self) -> None:
        """Ask, then forget the key of the chosen host."""
        if place := self.tenants.place:
            text = (
                f"Forget the key that {safe(place.name)} had? Do this if you know that the host was enrolled "
                "anew; otherwise another key means another machine, or somebody in between."
            )
            question = Question(self, "Forget host key", text, "Forget the key")
            question.agreed.connect(lambda: self._orders.order(lambda engine: engine.forget_key(place)))
            question.open()

    def connect_managed(self) -> None:
        """Open the remote desktop of the host the console is connected to, for the same purpose."""
        if self._managed:
            self._start(self._managed)

    def act(self, action: Action) -> None:
        """Ask, then have the host do something."""
        self._warn(action, "")

    def disconnect_console(self) -> None:
        """Disconnect the console."""
        self._orders.order(lambda engine: engine.close_console())

    def about(self) -> None:
        """Show which version this is."""
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle("About")
        box.setIconPixmap(console_icon().pixmap(64, 64))
        box.setText(f"Dialback Remote Access Console {__version__}\n\n{self._server.text()}")
        box.open()

    # --- orders

    def _connect(self, place: Place) -> None:
        self._ask_why(place, Goal.DESKTOP)

    def _ask_why(self, place: Place, goal: Goal) -> None:
        dialog = ConnectDialog(self, place, goal, self._proposed.get(place, Link(place.name)))
        dialog.ordered.connect(lambda order: self._take(order, goal))
        dialog.display_wanted.connect(lambda place: self._set_display(place, dialog))
        dialog.open()

    def _take(self, order: Order, goal: Goal) -> None:
        self._proposed[order.place] = Link(order.place.name, order.purpose, order.ticket_number, order.user)
        if goal is Goal.DESKTOP:
            self._start(order)
        else:
            self._orders.order(lambda engine: engine.open_console(order))

    def _start(self, order: Order) -> None:
        self.notice.hide()
        self._orders.order(lambda engine: engine.connect(order))

    def _set_display(self, place: Place, parent: QWidget) -> None:
        dialog = DisplayDialog(parent, place, self._saved.host(place.tenant, place.host).display)

        def save(display: Display) -> None:
            self._orders.order(lambda engine: engine.save_display(place, display))

        dialog.saved.connect(save)
        dialog.open()

    def _end(self, number: int) -> None:
        self._orders.order(lambda engine: engine.end(number))

    def _warn(self, action: Action, session: str) -> None:
        order = self._managed
        if order is None:
            return
        text = WARNINGS[action].format(host=safe(order.place.name))
        question = Question(self, "Are you sure?", text, _capital(DEEDS[action]))
        question.agreed.connect(lambda: self._orders.order(lambda engine: engine.ask(order, action, session)))
        question.open()

    def _read_log(self, source: Source) -> None:
        if order := self._managed:
            self._orders.order(lambda engine: engine.ask(order, Action.LOG, source=source))

    # --- events

    def take(self, event: Event) -> None:
        """Show an event of the engine."""
        match event:
            case TreeRead():
                self._show_tree(event)
            case PlatformLost():
                self._read.setText("Not read")
                self.notice.say(event.sentence)
            case Visit():
                self._show_visit(event)
            case ConsoleOpening():
                self._console.setText(f"Console: waiting for {safe(event.order.place.name)} …")
            case ConsoleSeen():
                self._show_console(event)
            case ConsoleClosed():
                self._show_closed(event)
            case VersionsWarned():
                self._show_warning(event)
            case Asked():
                self.statusBar().showMessage(f"Asking {safe(event.place.name)} to {DEEDS[event.action]} …")
            case Answered():
                self._show_answer(event)
            case NotDone():
                self.statusBar().clearMessage()
                self.notice.say(f"{safe(event.place.name)}: {event.sentence}")
            case NotSaved():
                self.notice.say(event.sentence)
            case Stopped():
                self._finish()

    def _show_tree(self, read: TreeRead) -> None:
        if self._read.text() == "Not read":
            self.notice.hide()
        self._tree, self._has_read = read.tree, True
        self.tenants.show_tree(read.tree)
        self._read.setText(f"Read at {instant_text(read.at)[11:]}")
        self._show_chosen(self.tenants.place)
        link, self._link = self._link, None
        if link:
            self._follow(link)

    def take_link(self, link: Link | None) -> None:
        """Come forward, and follow the link with which the console was started once more."""
        if self._is_closing:
            return
        self._come_forward()
        if self._has_read and link:
            self._follow(link)
        else:
            self._link = link or self._link

    def _follow(self, link: Link) -> None:
        try:
            place = self._tree.find(link.where)
        except NoSuchHost as problem:
            self.notice.say(sentence_of(problem))
            return
        self._proposed[place] = link
        self.tenants.choose(place)
        self._connect(place)

    def _show_chosen(self, place: Place | None) -> None:
        found = self._tree.host(place) if place else None
        self.menus.show_chosen(place if found else None)
        if found is None or place is None:
            self.pane.show_nothing()
            return
        self.pane.show_host(*found)
        self.pane.show_console(self._seen if self._seen and self._seen.order.place == place else None)

    def _show_menu(self, place: Place, at: QPoint) -> None:
        self.tenants.choose(place)
        self.menus.host.popup(at)

    def _show_visit(self, visit: Visit) -> None:
        before = self.running.visits.get(visit.number)
        self.running.show_visit(visit)
        self.tray.show_visits(self.running.open_visits)
        if visit.problem and (before is None or before.problem != visit.problem):
            self.notice.say(f"{safe(visit.order.place.name)}: {visit.problem}")

    def _show_console(self, seen: ConsoleSeen) -> None:
        self._managed, self._seen = seen.order, seen
        self.menus.show_managed(seen.order.place, seen.facts.offers)
        name = seen.order.place.name
        self._console.setText(f"Console: {safe(name)}")
        self.setWindowTitle(f"{in_title(name)} - Dialback Remote Access Console")
        self._show_chosen(self.tenants.place)

    def _show_closed(self, closed: ConsoleClosed) -> None:
        self._managed = self._seen = None
        self.menus.show_managed(None)
        self._console.setText("")
        self.setWindowTitle("Dialback Remote Access Console")
        self._show_chosen(self.tenants.place)
        if closed.problem:
            self.notice.say(f"{safe(closed.order.place.name)}: {closed.problem}")

    def _show_warning(self, warned: VersionsWarned) -> None:
        warning = VersionWarning(self, warned)
        warning.desktop_wanted.connect(self._start)
        warning.open()

    def _show_answer(self, answered: Answered) -> None:
        self.statusBar().clearMessage()
        if isinstance(answered.answer, Log) and answered.place == self.pane.place:
            self.pane.log.show_log(answered.answer)
        elif isinstance(answered.answer, Done):
            detail = f": {safe(answered.answer.detail)}" if answered.answer.detail else ""
            text = f"{safe(answered.place.name)}: {DEEDS[answered.action]}, done{detail}."
            self.notice.say(text, warns=False)

    # --- the end

    def closeEvent(self, event: QCloseEvent) -> None:
        """End everything, after asking if remote desktops run; go when all has ended."""
        if self._has_stopped:
            event.accept()
            return
        event.ignore()
        count = len(self.running.open_visits)
        if self._is_closing or not count:
            self.end_all()
            return
        text = f"Closing the console ends {count} remote desktop{'s' if count > 1 else ''}."
        question = Question(self, "Close the console?", text, "End and close", "Stay")
        question.agreed.connect(self.end_all)
        question.open()

    def end_all(self) -> None:
        """Begin to end everything, without asking."""
        if not self._is_closing:
            self._is_closing = True
            self.hide()
            self._orders.stop()

    def _finish(self) -> None:
        self.tray.hide()
        if not self._is_closing:
            self.notice.say("The console has failed inside; close it and start it again.")
        self._has_stopped = True
        if self._is_closing:
            self.close()
            QApplication.quit()

    def _come_forward(self) -> None:
        self.showNormal()
        self.raise_()
        self.activateWindow()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

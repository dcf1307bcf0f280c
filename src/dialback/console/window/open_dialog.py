"""The *Open Remote Access Console* dialog: where to is typed, and Ctrl decides what is opened there."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QCompleter, QSpinBox, QWidget

from dialback.console.window.dialogs import DESKTOP_TEXT, Goal
from dialback.console.window.forms import Form
from dialback.console.window.links import Link
from dialback.console.window.platform import Order
from dialback.console.window.texts import safe, sentence_of
from dialback.console.window.tree import NoSuchHost, Tree

CONNECT_TEXT = "&Connect"
RETURN_KEYS = {Qt.Key.Key_Return, Qt.Key.Key_Enter}


class OpenDialog(Form):
    """*Open Remote Access Console*: server, port and user are typed.

    Connect opens the console at the server; with Ctrl held, or Ctrl+Return, its remote desktop. The port and
    the user are the remote desktop's: console and agent find each other without, and the order keeps them for
    the remote desktop that is opened from the console.
    """

    ordered = Signal(object, object)
    """The `Order` and its `Goal`."""

    def __init__(self, parent: QWidget | None, tree: Tree, proposed: Link) -> None:
        super().__init__(parent, "open-dialog", "Open Remote Access Console")
        self._tree = tree
        self.server = self.field("&Server:", "server", proposed.where, "TENANT/HOST")
        names = [safe(branch.place_of(host).name) for branch, host in tree.places()]
        completer = QCompleter(names, self.server)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.server.setCompleter(completer)
        self.port = QSpinBox()
        self.port.setObjectName("port")
        self.port.setRange(0, 65535)
        self.port.setSpecialValueText("As the agent found it")
        self.form.addRow("P&ort:", self.port)
        self.user = self.field("&User:", "user", proposed.user, "The client asks")
        self.purpose_fields(proposed)
        self.connect_button = self.finish(CONNECT_TEXT, "connect", self._pressed)
        self._keep_width()
        for each in (self.server, self.user, self.purpose, self.ticket_number):
            each.textChanged.connect(self._check)
        self._check()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Name on the button what it does while Ctrl is held; press it by Ctrl and Return."""
        if event.key() == Qt.Key.Key_Control:
            self.connect_button.setText(DESKTOP_TEXT)
        if event.key() in RETURN_KEYS and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._order(Goal.DESKTOP)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Name what it does without."""
        if event.key() == Qt.Key.Key_Control:
            self.connect_button.setText(CONNECT_TEXT)
        super().keyReleaseEvent(event)

    def _keep_width(self) -> None:
        """Make room for the longer text, so that nothing moves under the pointer."""
        self.connect_button.setText(DESKTOP_TEXT)
        self.connect_button.setMinimumWidth(self.connect_button.sizeHint().width())
        self.connect_button.setText(CONNECT_TEXT)

    def _check(self) -> None:
        problem = self.problem()
        if not self.server.text().strip():
            problem = "Type the server as TENANT/HOST, or its name alone."
        self.hint.setText(problem or "Hold Ctrl while you press Connect to open the remote desktop instead.")
        self.connect_button.setEnabled(not problem)

    def _pressed(self) -> None:
        held = QApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier
        self._order(Goal.DESKTOP if held else Goal.CONSOLE)

    def _order(self, goal: Goal) -> None:
        if not self.connect_button.isEnabled():
            return
        try:
            place = self._tree.find(self.server.text())
        except NoSuchHost as problem:
            self.hint.setText(sentence_of(problem))
            return
        port = self.port.value()
        order = Order(
            place,
            self.purpose.text().strip(),
            self.ticket_number.text().strip(),
            target=f"127.0.0.1:{port}" if port else "",
            user=self.user.text().strip(),
        )
        self.accept()
        self.ordered.emit(order, goal)

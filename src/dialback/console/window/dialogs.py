"""The dialogs about one host: why somebody connects to it, and how it is shown."""

from enum import StrEnum

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialogButtonBox, QPushButton, QWidget

from dialback.console.clients import Display
from dialback.console.window.forms import Form, user_problem
from dialback.console.window.links import Link
from dialback.console.window.plain import heading
from dialback.console.window.platform import Order, Place
from dialback.console.window.texts import safe

SIZES = ("1024x768", "1280x800", "1366x768", "1600x900", "1920x1080", "2560x1440")
AUTOMATIC = "As the client finds right"
DESKTOP_TEXT = "Connect by remote desktop"


class Goal(StrEnum):
    """What somebody wants of a host."""

    DESKTOP = "desktop"
    CONSOLE = "console"


class ConnectDialog(Form):
    """Asks why, before one host is connected to."""

    ordered = Signal(object)
    """The `Order`."""
    display_wanted = Signal(object)
    """How the host, a `Place`, is shown is to be changed."""

    def __init__(self, parent: QWidget | None, place: Place, goal: Goal, proposed: Link) -> None:
        title = DESKTOP_TEXT if goal is Goal.DESKTOP else "Open console"
        super().__init__(parent, "connect-dialog", title)
        self._place = place
        self.column.addWidget(heading(safe(place.name), "connect-host", larger_pt=2))
        self.purpose_fields(proposed)
        self.user = self.field("&Log on as:", "user", proposed.user, "The client asks")
        if goal is Goal.DESKTOP:
            more = QPushButton("&Display settings…")
            more.setObjectName("display-settings")
            more.setAutoDefault(False)
            more.clicked.connect(lambda: self.display_wanted.emit(place))
            self.buttons.addButton(more, QDialogButtonBox.ButtonRole.ResetRole)
        else:
            self.form.setRowVisible(self.user, False)
        self.connect_button = self.finish("&Connect", "connect", self._order)
        for each in (self.purpose, self.ticket_number, self.user):
            each.textChanged.connect(self._check)
        self._check()
        self.purpose.setFocus()

    def _check(self) -> None:
        problem = self.problem()
        self.hint.setText(problem)
        self.connect_button.setEnabled(not problem)

    def _order(self) -> None:
        order = Order(
            self._place,
            self.purpose.text().strip(),
            self.ticket_number.text().strip(),
            user=self.user.text().strip(),
        )
        self.accept()
        self.ordered.emit(order)


class DisplayDialog(Form):
    """How a host is shown; kept for the host."""

    saved = Signal(object)
    """The `Display`."""

    def __init__(self, parent: QWidget | None, place: Place, display: Display) -> None:
        super().__init__(parent, "display-dialog", "Display settings")
        self.column.addWidget(heading(safe(place.name), larger_pt=2))
        self.size_box = QComboBox()
        self.size_box.setObjectName("size")
        self.size_box.addItems([AUTOMATIC, *_sizes(display)])
        if display.width:
            self.size_box.setCurrentText(f"{display.width}x{display.height}")
        self.form.addRow("&Size:", self.size_box)
        self.full_screen = self._check("&Full screen", "full-screen", display.full_screen)
        self.multi_monitor = self._check("All &monitors", "multi-monitor", display.multi_monitor)
        self.clipboard = self._check("Share the clip&board", "clipboard", display.clipboard)
        self.sound = self._check("Play s&ound here", "sound", display.sound)
        self.user = self.field("&Log on as:", "user", display.user, "The client asks")
        self.save_button = self.finish("&Save", "save", self._save)
        self.user.textChanged.connect(self._judge)
        self._judge()

    def _check(self, text: str, name: str, checked: bool) -> QCheckBox:
        made = QCheckBox(text)
        made.setObjectName(name)
        made.setChecked(checked)
        self.form.addRow("", made)
        return made

    def _judge(self) -> None:
        problem = user_problem(self.user.text())
        self.hint.setText(problem or "Kept on this machine, for this host alone.")
        self.save_button.setEnabled(not problem)

    def _save(self) -> None:
        width, _, height = self.size_box.currentText().partition("x")
        has_size = self.size_box.currentIndex() > 0
        display = Display(
            int(width) if has_size else 0,
            int(height) if has_size else 0,
            full_screen=self.full_screen.isChecked(),
            multi_monitor=self.multi_monitor.isChecked(),
            clipboard=self.clipboard.isChecked(),
            sound=self.sound.isChecked(),
            user=self.user.text().strip(),
        )
        self.accept()
        self.saved.emit(display)


def _sizes(display: Display) -> list[str]:
    own = f"{display.width}x{display.height}"
    return [own, *SIZES] if display.width and own not in SIZES else list(SIZES)

"""The warning about a host that this console cannot manage, with the way that is left."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QStyle, QVBoxLayout, QWidget

from dialback.console.window.events import VersionsWarned
from dialback.console.window.forms import WIDTH
from dialback.console.window.plain import GAP, WIDE_GAP, Link, heading, label, row_of
from dialback.console.window.texts import in_title, versions_differ


class VersionWarning(QDialog):
    """Console and agent cannot manage each other; a link starts the remote desktop, which can."""

    desktop_wanted = Signal(object)
    """The `Order` that the console was opened with."""

    def __init__(self, parent: QWidget | None, warned: VersionsWarned) -> None:
        super().__init__(parent)
        self.setObjectName("version-warning")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        place = warned.order.place
        self.setWindowTitle(in_title(f"Versions differ: {place.name}"))
        self.setMinimumWidth(WIDTH)
        self._order = warned.order
        icon = QLabel()
        standard = self.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxWarning)
        icon.setPixmap(standard.pixmap(40, 40))
        icon.setFixedWidth(40)
        icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text = label(
            versions_differ(place.name, warned.console, warned.agent), "version-text", selectable=True
        )
        words = QVBoxLayout()
        words.setSpacing(GAP)
        words.addWidget(heading("Console and agent have different versions", larger_pt=2))
        words.addWidget(self.text)
        self.link = Link("Connect by remote desktop instead", "version-link", self._take_desktop)
        # Aligned, lest its fixed width become that of the texts above.
        words.addWidget(self.link, alignment=Qt.AlignmentFlag.AlignLeft)
        row = row_of(icon)
        row.setSpacing(WIDE_GAP)
        row.addLayout(words, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(WIDE_GAP, WIDE_GAP, WIDE_GAP, WIDE_GAP)
        column.setSpacing(WIDE_GAP)
        column.addLayout(row)
        column.addWidget(buttons)

    def _take_desktop(self) -> None:
        self.accept()
        self.desktop_wanted.emit(self._order)

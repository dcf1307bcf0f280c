"""Small widgets of which all others are made: labels that show text as it is, links, notices, questions.

Qt takes a text that looks like HTML for HTML unless told otherwise; here every widget is told. No text is
ever put into a hint that pops up, which cannot be told.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontDatabase, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QStyle,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

GAP, WIDE_GAP = 8, 16
TITLE_CHARS = 20
Row = tuple[str, str]


def label(text: str = "", name: str = "", *, selectable: bool = False) -> QLabel:
    """Return a label that shows plain text and breaks it into lines."""
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setText(text)
    made.setWordWrap(True)
    made.setObjectName(name)
    if selectable:
        flags = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        made.setTextInteractionFlags(flags)
    return made


def heading(text: str = "", name: str = "", *, larger_pt: int = 0) -> QLabel:
    """Return a label in bold."""
    made = label(text, name)
    font = made.font()
    font.setBold(True)
    font.setPointSize(font.pointSize() + larger_pt)
    made.setFont(font)
    return made


def fixed_font() -> QFont:
    """Return the system's font of equal widths."""
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)


def button(text: str, name: str, do: Callable[[], object]) -> QPushButton:
    """Return a button."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setAutoDefault(False)
    made.clicked.connect(lambda _: do())
    return made


class Link(QPushButton):
    """What looks like a link and is pressed like a button, by keys too; it never holds text of others."""

    def __init__(self, text: str, name: str, do: Callable[[], object]) -> None:
        super().__init__(text)
        self.setObjectName(name)
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        font = self.font()
        font.setUnderline(True)
        self.setFont(font)
        self.clicked.connect(lambda _: do())

    def sizeHint(self) -> QSize:
        """Return the size of the text, with room for the mark of the focus."""
        return self.fontMetrics().size(Qt.TextFlag.TextSingleLine, self.text()) + QSize(2, 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text in the colour of links, and the focus."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.Link))
        painter.drawText(self.rect().adjusted(1, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.hasFocus():
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Link), 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


def row_of(*widgets: QWidget | None) -> QHBoxLayout:
    """Return widgets side by side; None is the room that is left."""
    row = QHBoxLayout()
    row.setSpacing(GAP)
    for widget in widgets:
        if widget is None:
            row.addStretch()
        else:
            row.addWidget(widget)
    return row


class Notice(QFrame):
    """A sentence above the window's content, until it is closed or replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self._icon = QLabel()
        self._text = label(name="notice-text", selectable=True)
        close = QToolButton()
        close.setObjectName("notice-close")
        close.setAutoRaise(True)
        close.setAccessibleName("Close this notice")
        close.setIcon(self.style().standardIcon(QStyle.StandardPixmap.SP_TitleBarCloseButton))
        close.clicked.connect(self.hide)
        row = row_of(self._icon, self._text, close)
        row.setContentsMargins(GAP, 4, 4, 4)
        row.setStretch(1, 1)
        self.setLayout(row)
        self.hide()

    @property
    def text(self) -> str:
        """Return what is shown, empty if nothing is."""
        return "" if self.isHidden() else self._text.text()

    def say(self, text: str, *, warns: bool = True) -> None:
        """Show a sentence in place of the last."""
        pixmap = QStyle.StandardPixmap
        standard = pixmap.SP_MessageBoxWarning if warns else pixmap.SP_MessageBoxInformation
        self._icon.setPixmap(self.style().standardIcon(standard).pixmap(18, 18))
        self._text.setText(text)
        self.show()


class Rows(QWidget):
    """Names and values below each other, made anew only when they change, so that a selection stays."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(WIDE_GAP)
        self._form.setVerticalSpacing(6)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.rows: tuple[Row, ...] = ()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows; a value with `:` in pairs is set in the font of equal widths."""
        if tuple(rows) == self.rows:
            return
        self.rows = tuple(rows)
        while self._form.rowCount():
            self._form.removeRow(0)
        for name, value in rows:
            shown = label(value, selectable=True)
            shown.setAccessibleName(name)
            if _is_fingerprint(value):
                shown.setFont(fixed_font())
            self._form.addRow(_title(name), shown)


def _title(name: str) -> QLabel:
    """Return the name of a row, paler than its value."""
    made = label(name)
    made.setWordWrap(False)
    made.setMinimumWidth(TITLE_CHARS * made.fontMetrics().averageCharWidth())
    palette = made.palette()
    colour = palette.color(palette.ColorRole.WindowText)
    colour.setAlphaF(0.65)
    palette.setColor(palette.ColorRole.WindowText, colour)
    made.setPalette(palette)
    return made


def _is_fingerprint(value: str) -> bool:
    return value.count(":") > 20


def column(*parts: QWidget | QHBoxLayout | None) -> QVBoxLayout:
    """Return widgets and rows below each other; None is the room that is left."""
    made = QVBoxLayout()
    made.setSpacing(GAP)
    for part in parts:
        if part is None:
            made.addStretch()
        elif isinstance(part, QWidget):
            made.addWidget(part)
        else:
            made.addLayout(part)
    return made


class Question(QMessageBox):
    """A question with two answers; `agreed` if it is the first."""

    agreed = Signal()

    def __init__(self, parent: QWidget, title: str, text: str, yes: str, no: str = "Cancel") -> None:
        super().__init__(parent)
        self.setObjectName("question")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setIcon(QMessageBox.Icon.Question)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWindowTitle(title)
        self.setText(text)
        self._yes = self.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
        self._yes.setObjectName("question-yes")
        refused = self.addButton(no, QMessageBox.ButtonRole.RejectRole)
        refused.setObjectName("question-no")
        self.setDefaultButton(refused)
        self.setEscapeButton(refused)
        self.buttonClicked.connect(self._answered)

    def _answered(self, pressed: object) -> None:
        if pressed is self._yes:
            self.agreed.emit()

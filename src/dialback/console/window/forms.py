"""What the dialogs have in common: fields, a line that says what is missing, and buttons.

Nothing is asked of a tenant without a purpose: the button stays off until there is one that the platform
takes. A dialog holds what was typed and gives it away as one value; it does nothing itself.
"""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dialback.console.window.links import Link
from dialback.console.window.plain import GAP, WIDE_GAP, label
from dialback.console.window.texts import purpose_problem, safe
from dialback.domain.names import MAX_USER_CHARS, check_text

WIDTH = 480


class Form(QDialog):
    """A dialog of fields, a line that says what is missing, and buttons."""

    def __init__(self, parent: QWidget | None, name: str, title: str) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(WIDTH)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(WIDE_GAP)
        self.form.setVerticalSpacing(GAP)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.hint = label(name=f"{name}-hint")
        self.hint.setMinimumHeight(2 * self.hint.fontMetrics().height() + 4)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.buttons = QDialogButtonBox()
        self.user = QLineEdit()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(WIDE_GAP, WIDE_GAP, WIDE_GAP, WIDE_GAP)
        self.column.setSpacing(WIDE_GAP)

    def finish(self, text: str, name: str, do: Callable[[], object]) -> QPushButton:
        """Put all together; return the button that does what the dialog is for."""
        self.column.addLayout(self.form)
        self.column.addWidget(self.hint)
        self.column.addWidget(self.buttons)
        made = self.buttons.addButton(text, QDialogButtonBox.ButtonRole.ActionRole)
        made.setObjectName(name)
        made.setDefault(True)
        made.clicked.connect(lambda _: do())
        cancel = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        return made

    def field(self, title: str, name: str, text: str = "", hint: str = "") -> QLineEdit:
        """Add a field for one line."""
        made = QLineEdit(text)
        made.setObjectName(name)
        made.setPlaceholderText(hint)
        self.form.addRow(title, made)
        return made

    def purpose_fields(self, proposed: Link) -> None:
        """Add the fields that every way to a host needs; a dialog that calls this has a field `user` too."""
        self.purpose = self.field("&Purpose:", "purpose", proposed.purpose, "The tenant reads this")
        self.ticket_number = self.field("&Ticket number:", "ticket-number", proposed.ticket_number, "If any")

    def problem(self) -> str:
        """Return what is wrong with purpose, ticket number and user; empty if nothing is."""
        return purpose_problem(self.purpose.text(), self.ticket_number.text()) or user_problem(
            self.user.text()
        )


def user_problem(user: str) -> str:
    """Return why nobody can log on under the name; empty if somebody can, or it is empty."""
    try:
        check_text(user.strip(), "user name", MAX_USER_CHARS)
    except ValueError as error:
        return safe(str(error))
    return ""

"""The list of remote desktops: those that run, those that wait, and those that ended with a problem."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from dialback.console.window.events import Visit
from dialback.console.window.plain import button, column, heading, row_of
from dialback.console.window.texts import STEPS, bytes_text, instant_text, safe

COLUMNS = ("Host", "State", "Redirector", "From host", "To host", "Since")


class RunningList(QWidget):
    """All visits of this run of the console, newest last."""

    end_wanted = Signal(int)
    """The number of a visit."""

    def __init__(self) -> None:
        super().__init__()
        self.visits: dict[int, Visit] = {}
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setObjectName("running")
        self.table.setAccessibleName("Remote desktops")
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.table.fontMetrics().height() + 8)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setAlternatingRowColors(True)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(90)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.itemSelectionChanged.connect(self._check)
        self._end = button("&End", "end-visit", self._end_chosen)
        self._clear = button("Clear e&nded", "clear-ended", self.clear_ended)
        key = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table)
        key.setContext(Qt.ShortcutContext.WidgetShortcut)
        key.activated.connect(self._end_chosen)
        layout = column(row_of(heading("Remote desktops"), None, self._end, self._clear), self.table)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self._check()

    @property
    def open_visits(self) -> list[Visit]:
        """Return the visits that have not ended."""
        return [visit for visit in self.visits.values() if not visit.has_ended]

    def show_visit(self, visit: Visit) -> None:
        """Show a visit as it is now; one that ended as it should is taken off."""
        if visit.has_ended and not visit.problem:
            self._take_off(visit.number)
            return
        if visit.number not in self.visits:
            self.table.insertRow(self.table.rowCount())
        self.visits[visit.number] = visit
        row = list(self.visits).index(visit.number)
        for at, text in enumerate(visit_texts(visit)):
            self._set_text(row, at, text)
        self._check()

    def clear_ended(self) -> None:
        """Take off what has ended."""
        for visit in list(self.visits.values()):
            if visit.has_ended:
                self._take_off(visit.number)

    def _take_off(self, number: int) -> None:
        if number in self.visits:
            self.table.removeRow(list(self.visits).index(number))
            del self.visits[number]
        self._check()

    def _set_text(self, row: int, at: int, text: str) -> None:
        item = self.table.item(row, at)
        if item is None:
            item = QTableWidgetItem()
            self.table.setItem(row, at, item)
        if item.text() != text:
            item.setText(text)

    def _chosen(self) -> list[Visit]:
        known = list(self.visits.values())
        rows = self.table.selectionModel().selectedRows()
        return [known[index.row()] for index in rows if not known[index.row()].has_ended]

    def _end_chosen(self) -> None:
        for visit in self._chosen():
            self.end_wanted.emit(visit.number)

    def _check(self) -> None:
        self._end.setEnabled(bool(self._chosen()))
        self._clear.setEnabled(len(self.open_visits) < len(self.visits))


def visit_texts(visit: Visit) -> tuple[str, ...]:
    """Return what the columns say of a visit."""
    state = STEPS[visit.step]
    if visit.problem:
        state = f"{state}: {visit.problem}"
    elif visit.proof:
        state = f"{state}. {visit.proof}"
    return (
        safe(visit.order.place.name),
        state,
        visit.address,
        bytes_text(visit.to_client_bytes) if visit.address else "",
        bytes_text(visit.to_host_bytes) if visit.address else "",
        instant_text(visit.started_at),
    )

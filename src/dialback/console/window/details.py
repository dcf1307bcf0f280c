"""The pane of one host: what the platform knows of it, and what its agent says while the console is there.

Tabs: details, sessions, log. The last two belong to the console: they ask for it until it is connected.
Everything shown is text of the host or its tenant and goes through `safe`.
"""

from collections.abc import Callable, Collection, Iterator

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QWidget,
)

from dialback.console.actions import fact_rows
from dialback.console.window.events import ConsoleSeen
from dialback.console.window.marks import state_icon
from dialback.console.window.plain import (
    GAP,
    WIDE_GAP,
    Row,
    Rows,
    button,
    column,
    fixed_font,
    heading,
    label,
    row_of,
)
from dialback.console.window.platform import Host, Place
from dialback.console.window.texts import (
    STATES,
    instant_text,
    listed,
    pairs,
    safe,
    value_text,
)
from dialback.console.window.tree import Branch
from dialback.domain.hosts import RdpServer
from dialback.domain.management import Offer
from dialback.domain.sessions import state_text
from dialback.wire.management.messages import Log, Sessions

NOTHING = "Choose a host on the left, or open one by name with Ctrl+O."


class HostPane(QWidget):
    """One host, what is known of it, and what can be done with it."""

    desktop_wanted = Signal()
    console_wanted = Signal()
    display_wanted = Signal()
    log_off_wanted = Signal(str)
    """The id of a session."""
    log_wanted = Signal(str)
    """Which log, `agent` or `rdp`."""

    def __init__(self) -> None:
        super().__init__()
        self.place: Place | None = None
        self._mark = QLabel()
        self._name = heading(name="host-name", larger_pt=5)
        self._state = label(name="host-state")
        self._buttons = self._make_buttons()
        self.details = Rows("details")
        self.facts = Rows("facts")
        self._facts_title = heading("What its agent says now")
        self.sessions = SessionsTable(self.log_off_wanted.emit)
        self.log = LogView(self.log_wanted.emit)
        self.tabs = self._make_tabs()
        self._pages = QStackedWidget()
        nothing = label(NOTHING, "nothing-chosen")
        nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        nothing.setEnabled(False)
        self._pages.addWidget(nothing)
        self._pages.addWidget(self._make_page())
        layout = column(self._pages)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self.show_console(None)

    def _make_buttons(self) -> list[QPushButton]:
        desktop = button("Connect by &remote desktop…", "connect-desktop", self.desktop_wanted.emit)
        desktop.setDefault(True)
        console = button("Open &console…", "open-console", self.console_wanted.emit)
        return [desktop, console, button("&Display settings…", "display", self.display_wanted.emit)]

    def _make_tabs(self) -> QTabWidget:
        inner = QWidget()
        self._facts_title.setContentsMargins(0, GAP, 0, 0)
        inner.setLayout(column(self.details, self._facts_title, self.facts, None))
        details = QScrollArea()
        details.setWidgetResizable(True)
        details.setFrameShape(QScrollArea.Shape.NoFrame)
        details.setWidget(inner)
        tabs = QTabWidget()
        tabs.setObjectName("host-tabs")
        tabs.addTab(details, "D&etails")
        tabs.addTab(self.sessions, "&Sessions")
        tabs.addTab(self.log, "Lo&g")
        return tabs

    def _make_page(self) -> QWidget:
        self._name.setWordWrap(False)
        head = row_of(self._mark, self._name, None)
        head.setSpacing(GAP)
        page = QWidget()
        layout = column(head, self._state, row_of(*self._buttons, None), self.tabs)
        layout.setContentsMargins(WIDE_GAP, 4, 4, 0)
        layout.setStretch(3, 1)
        page.setLayout(layout)
        return page

    def show_host(self, branch: Branch, host: Host) -> None:
        """Show a host as the platform knows it now."""
        self.place = branch.place_of(host)
        state = branch.state_of(host)
        self._mark.setPixmap(state_icon(state).pixmap(24, 24))
        self._name.setText(safe(host.name, 60))
        words = [safe(branch.tenant.name), STATES[state]]
        if host.link_changed_at:
            link = "up" if host.link_up else "down"
            words.append(f"link {link} since {instant_text(host.link_changed_at)}")
        self._state.setText(" · ".join(words))
        self.details.show_rows(list(host_rows(branch, host)))
        self._pages.setCurrentIndex(1)

    def show_nothing(self) -> None:
        """Show that no host is chosen."""
        self.place = None
        self._pages.setCurrentIndex(0)

    def show_console(self, seen: ConsoleSeen | None) -> None:
        """Show what the agent says; None while the console is not connected to this host."""
        self._facts_title.setVisible(seen is not None)
        rows = [(name, value_text(value)) for name, value in fact_rows(seen.facts)] if seen else []
        self.facts.show_rows([(_capital(safe(name)), value) for name, value in rows])
        self.sessions.show_sessions(seen.sessions if seen else None)
        self.log.set_connected(seen is not None, seen.facts.offers if seen else ())


class SessionsTable(QWidget):
    """The sessions on the host, as its agent lists them."""

    def __init__(self, log_off: Callable[[str], object]) -> None:
        super().__init__()
        self.setObjectName("sessions-page")
        self._hint = label("Open the console to see who is logged on.", "sessions-hint")
        self.table = QTableWidget(0, 4)
        self.table.setObjectName("sessions")
        self.table.setHorizontalHeaderLabels(["Session", "User", "State", "Since"])
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.table.fontMetrics().height() + 8)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setAlternatingRowColors(True)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.itemSelectionChanged.connect(self._check)
        self._log_off = button("&Log off…", "log-off", lambda: log_off(self.chosen))
        self._shown: Sessions | None = None
        self.setLayout(column(self._hint, self.table, row_of(self._log_off, None)))
        self._check()

    @property
    def chosen(self) -> str:
        """Return the id of the chosen session, empty if none is."""
        rows = self.table.selectionModel().selectedRows()
        return self._shown.sessions[rows[0].row()].id if rows and self._shown else ""

    def show_sessions(self, sessions: Sessions | None) -> None:
        """Show them; None if nobody says."""
        self._hint.setVisible(sessions is None)
        self.table.setVisible(sessions is not None)
        if sessions != self._shown:
            chosen, self._shown = self.chosen, sessions
            self._fill(chosen)
        self._check()

    def _fill(self, chosen: str) -> None:
        listed = self._shown.sessions if self._shown else ()
        self.table.setRowCount(len(listed))
        self.table.clearSelection()
        for row, each in enumerate(listed):
            for at, text in enumerate(
                (each.id, each.user, state_text(each.state, each.locked), instant_text(each.since))
            ):
                self.table.setItem(row, at, QTableWidgetItem(safe(text)))
            if each.id == chosen:
                self.table.selectRow(row)

    def _check(self) -> None:
        self._log_off.setEnabled(bool(self.chosen))


class LogView(QWidget):
    """The last lines of a log of the host."""

    def __init__(self, want: Callable[[str], object]) -> None:
        super().__init__()
        self.setObjectName("log-page")
        self._hint = label("Open the console to read logs; the tenant consents to each reading.", "log-hint")
        self.source = QComboBox()
        self.source.setObjectName("log-source")
        self.source.addItem("Agent", "agent")
        self._read = button("Read the &log", "read-log", lambda: want(self.source.currentData()))
        self.lines = QPlainTextEdit()
        self.lines.setObjectName("log")
        self.lines.setReadOnly(True)
        self.lines.setTabChangesFocus(True)
        self.lines.setFont(fixed_font())
        self.lines.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setLayout(column(self._hint, row_of(self.source, self._read, None), self.lines))

    def set_connected(self, connected: bool, offers: Collection[str] = ()) -> None:
        """Offer the logs that the host offers, or say how to get them."""
        self._hint.setVisible(not connected)
        self.source.setEnabled(connected)
        self._read.setEnabled(connected)
        has_rdp, at = Offer.RDP_LOG in offers, self.source.findData("rdp")
        if has_rdp and at < 0:
            self.source.addItem("RDP service", "rdp")
        elif not has_rdp and at >= 0:
            self.source.removeItem(at)
        if not connected:
            self.lines.clear()

    def show_log(self, log: Log) -> None:
        """Show the lines, the last in sight."""
        head = ["… older lines are left out"] if log.cut else []
        self.lines.setPlainText("\n".join([*head, *(safe(line, 500) for line in log.lines)]))
        self.lines.verticalScrollBar().setValue(self.lines.verticalScrollBar().maximum())


def host_rows(branch: Branch, host: Host) -> Iterator[Row]:
    """Return what the platform knows of a host, names and values."""
    yield "Host", safe(f"{branch.tenant.id}/{host.id}")
    if host.report:
        yield "Names itself", safe(host.report.host_name)
        yield "System", safe(host.report.system)
    yield "Agent", safe(host.agent_version) or "-"
    yield "Sessions", str(host.sessions)
    yield "Failing checks", listed(host.failed)
    for server in host.report.rdp_servers if host.report else ():
        yield from _server_rows(server)
    yield "Host key", pairs(host.public_key)
    yield "Reported", instant_text(host.reported_at)


def _server_rows(server: RdpServer) -> Iterator[Row]:
    found = (
        f"{server.security} {server.tls_version}".strip()
        if server.answers
        else f"no answer: {server.problem}"
    )
    yield "RDP server", safe(f"{server.target}  {found}")
    if server.certificate_sha256:
        yield "Certificate (SHA-256)", pairs(server.certificate_sha256)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

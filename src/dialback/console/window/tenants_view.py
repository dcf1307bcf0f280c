"""The tree of tenants and hosts with a search field above it.

The tree is read anew every few seconds; rows stay the same objects while what they stand for stays, so that
selection, expansion and scrolling are the person's. Which tenants are open is told, for their hosts are then
kept fresh.
"""

from collections.abc import Iterator

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QWidget

from dialback.console.window.marks import state_icon
from dialback.console.window.plain import column
from dialback.console.window.platform import Host, Place
from dialback.console.window.texts import STATES, safe
from dialback.console.window.tree import Branch, Tree, search
from dialback.domain.ids import TenantId

EXPAND_HOSTS = 40
"""So many hosts are shown at once when the window opens."""
_ROLE = Qt.ItemDataRole.UserRole
_Keys = list[tuple[str, list[str]]]


class TenantsView(QWidget):
    """Tenants and hosts, to search and to choose from."""

    chosen = Signal(object)
    """A host, as `Place`, or None."""
    opened = Signal(object)
    """A host that was double-clicked or entered, as `Place`."""
    watched = Signal(object)
    """The ids of tenants whose hosts are in sight."""
    menu_wanted = Signal(object, object)
    """A host, as `Place`, and where on the screen its menu is to be."""

    def __init__(self) -> None:
        super().__init__()
        self._tree = Tree()
        self._has_expanded = False
        self.search = QLineEdit()
        self.search.setObjectName("search")
        self.search.setPlaceholderText("Search tenants and hosts")
        self.search.setAccessibleName("Search tenants and hosts")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._show)
        self.search.returnPressed.connect(self._take_first)
        self.rows = _make_rows()
        self.rows.currentItemChanged.connect(lambda now, _: self.chosen.emit(_place(now)))
        self.rows.itemActivated.connect(self._activated)
        self.rows.itemExpanded.connect(self._tell_watched)
        self.rows.itemCollapsed.connect(self._tell_watched)
        self.rows.customContextMenuRequested.connect(self._ask_menu)
        layout = column(self.search, self.rows)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)

    @property
    def place(self) -> Place | None:
        """Return the chosen host."""
        return _place(self.rows.currentItem())

    def show_tree(self, tree: Tree) -> None:
        """Show tenants and hosts as they are now."""
        self._tree = tree
        self._show()
        if not self._has_expanded and tree.branches:
            self._has_expanded = True
            if sum(len(branch.hosts or ()) for branch in tree.branches) <= EXPAND_HOSTS:
                self.rows.expandAll()
        self._tell_watched()

    def choose(self, place: Place) -> None:
        """Select a host, if it is in sight."""
        for item in self._items():
            if _place(item) == place:
                self.rows.setCurrentItem(item)

    def texts(self) -> list[str]:
        """Return the names in sight, tenants before their hosts."""
        return [item.text(0) for item in self._items()]

    def _show(self) -> None:
        text = self.search.text()
        found = search(self._tree, text)
        if self._keys() != [_keys_of(branch) for branch in found.branches]:
            self._rebuild(found)
        for at, branch in enumerate(found.branches):
            item = self.rows.topLevelItem(at)
            if item is not None:
                _show_branch(item, branch)
        if text:
            self.rows.expandAll()

    def _rebuild(self, tree: Tree) -> None:
        place = self.place
        open_ids = {item.data(0, _ROLE) for item in self._tenants() if item.isExpanded()}
        blocked = self.rows.blockSignals(True)
        self.rows.clear()
        for branch in tree.branches:
            item = QTreeWidgetItem(self.rows)
            item.setData(0, _ROLE, branch.tenant.id)
            for host in branch.hosts or ():
                QTreeWidgetItem(item).setData(0, _ROLE, branch.place_of(host))
            item.setExpanded(branch.tenant.id in open_ids)
        if place:
            self.choose(place)
        self.rows.blockSignals(blocked)
        if self.place != place:
            self.chosen.emit(self.place)

    def _keys(self) -> _Keys:
        return [
            (item.data(0, _ROLE), [child.data(0, _ROLE).host for child in _children(item)])
            for item in self._tenants()
        ]

    def _tenants(self) -> list[QTreeWidgetItem]:
        found = [self.rows.topLevelItem(at) for at in range(self.rows.topLevelItemCount())]
        return [item for item in found if item is not None]

    def _items(self) -> Iterator[QTreeWidgetItem]:
        for tenant in self._tenants():
            yield tenant
            yield from _children(tenant)

    def _activated(self, item: QTreeWidgetItem) -> None:
        if place := _place(item):
            self.opened.emit(place)

    def _take_first(self) -> None:
        hosts = [item for item in self._items() if _place(item)]
        if hosts:
            self.rows.setCurrentItem(hosts[0])
            self.rows.setFocus()

    def _tell_watched(self) -> None:
        ids: list[TenantId] = [item.data(0, _ROLE) for item in self._tenants() if item.isExpanded()]
        self.watched.emit(frozenset(ids))

    def _ask_menu(self, at: QPoint) -> None:
        if place := _place(self.rows.itemAt(at)):
            self.menu_wanted.emit(place, self.rows.viewport().mapToGlobal(at))


def _make_rows() -> QTreeWidget:
    rows = QTreeWidget()
    rows.setObjectName("tenants")
    rows.setAccessibleName("Tenants and hosts")
    rows.setHeaderLabels(["Tenants and hosts", "State", "Sessions"])
    rows.setUniformRowHeights(True)
    rows.setAlternatingRowColors(True)
    rows.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    rows.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    header = rows.header()
    header.setStretchLastSection(False)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
    return rows


def _children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    found = [item.child(at) for at in range(item.childCount())]
    return [child for child in found if child is not None]


def _place(item: QTreeWidgetItem | None) -> Place | None:
    held = item.data(0, _ROLE) if item is not None else None
    return held if isinstance(held, Place) else None


def _keys_of(branch: Branch) -> tuple[str, list[str]]:
    return branch.tenant.id, [host.id for host in branch.hosts or ()]


def _show_branch(item: QTreeWidgetItem, branch: Branch) -> None:
    tenant = branch.tenant
    item.setText(0, safe(tenant.name))
    item.setText(1, f"{tenant.hosts_up} of {tenant.hosts_up + tenant.hosts_down} up")
    item.setIcon(0, state_icon(branch.state))
    for child, host in zip(_children(item), branch.hosts or (), strict=True):
        _show_host(child, branch, host)


def _show_host(item: QTreeWidgetItem, branch: Branch, host: Host) -> None:
    state = branch.state_of(host)
    item.setData(0, _ROLE, branch.place_of(host))
    item.setText(0, safe(host.name))
    item.setText(1, STATES[state])
    item.setText(2, str(host.sessions) if host.sessions else "")
    item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setIcon(0, state_icon(state))

"""The tree with its search field."""

from dataclasses import replace

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from dialback.console.window.platform import Place
from dialback.console.window.tenants_view import TenantsView
from dialback.console.window.tree import Tree
from tests.console.window.things import ESCAPED, HOSTILE, PLACE, host, tree


def test_tenants_and_hosts_are_shown_with_their_state(qt: QApplication) -> None:
    view = TenantsView()
    view.show_tree(tree(host("h1", "files", sessions=3), host("h2", "mail", link_up=False)))
    assert view.texts() == ["Acme GmbH", "files", "mail", "Bolt", "terminal"]
    acme = view.rows.topLevelItem(0)
    assert acme is not None
    assert acme.text(1) == "1 of 2 up"
    assert [acme.child(0).text(at) for at in (1, 2)] == ["Up", "3"]
    assert acme.child(1).text(1) == "No agent link"


def test_search_narrows_the_tree_and_return_takes_the_first(qt: QApplication) -> None:
    view = TenantsView()
    view.show_tree(tree())
    view.search.setText("mail")
    assert view.texts() == ["Acme GmbH", "mail"]
    QTest.keyClick(view.search, Qt.Key.Key_Return)
    assert view.place is not None
    assert view.place.name == "acme/mail"
    view.search.clear()
    assert len(view.texts()) == 5
    assert view.place is not None
    assert view.place.name == "acme/mail"


def test_selection_and_expansion_stay_while_hosts_come_and_go(qt: QApplication) -> None:
    view = TenantsView()
    chosen: list[Place | None] = []
    view.show_tree(tree())
    view.chosen.connect(chosen.append)
    view.choose(PLACE)
    bolt = view.rows.topLevelItem(1)
    assert bolt is not None
    bolt.setExpanded(False)

    view.show_tree(tree(host("h0", "added"), host("h1", "files")))

    assert view.place == PLACE
    bolt = view.rows.topLevelItem(1)
    assert bolt is not None
    assert not bolt.isExpanded()
    assert chosen == [PLACE]

    view.show_tree(tree(host("h0", "added")))
    assert chosen[-1] != PLACE


def test_tenants_in_sight_are_told(qt: QApplication) -> None:
    view = TenantsView()
    watched: list[frozenset[str]] = []
    view.watched.connect(watched.append)
    view.show_tree(tree())
    assert watched[-1] == {"acme", "bolt"}
    acme = view.rows.topLevelItem(0)
    assert acme is not None
    acme.setExpanded(False)
    assert watched[-1] == {"bolt"}


def test_many_hosts_begin_folded(qt: QApplication) -> None:
    view = TenantsView()
    view.show_tree(tree(*(host(f"h{number}") for number in range(50))))
    acme = view.rows.topLevelItem(0)
    assert acme is not None
    assert not acme.isExpanded()


def test_host_is_opened_and_its_menu_asked_for_but_no_tenants(qt: QApplication) -> None:
    view = TenantsView()
    view.resize(400, 300)
    view.show_tree(tree())
    view.show()
    heard: list[object] = []
    view.opened.connect(heard.append)
    view.menu_wanted.connect(lambda place, at: heard.append((place, type(at))))
    acme = view.rows.topLevelItem(0)
    assert acme is not None
    for item in (acme, acme.child(0)):
        view.rows.itemActivated.emit(item, 0)
        view.rows.customContextMenuRequested.emit(view.rows.visualItemRect(item).center())
    assert heard == [PLACE, (PLACE, QPoint)]


def test_hostile_names_are_text(qt: QApplication) -> None:
    found = tree(host("h1", HOSTILE))
    branch = replace(found.branches[0], tenant=replace(found.branches[0].tenant, name=HOSTILE))
    view = TenantsView()
    view.show_tree(Tree((branch,)))
    assert view.texts() == [ESCAPED, ESCAPED]
    acme = view.rows.topLevelItem(0)
    assert acme is not None
    assert acme.toolTip(0) == ""

"""The pane of one host."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from dialback.console.window.details import HostPane, host_rows
from dialback.console.window.events import ConsoleSeen
from dialback.console.window.texts import pairs
from dialback.console.window.tree import Branch
from dialback.wire.management.messages import Log
from tests.console.window.things import (
    ESCAPED,
    FACTS,
    HOSTILE,
    NOW,
    ORDER,
    PLACE,
    SESSIONS,
    host,
    report,
    tenant,
)

BRANCH = Branch(tenant("acme", "Acme GmbH"))


def press(pane: HostPane, name: str) -> None:
    found = pane.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    found.click()


def test_details_are_facts_checks_and_fingerprints() -> None:
    shown = host(
        "h1", "files", failed=("disk", "load"), report=report(), public_key="cd" * 32, reported_at=NOW
    )
    rows = dict(host_rows(BRANCH, shown))
    assert rows["Failing checks"] == "disk, load"
    assert rows["RDP server"] == "127.0.0.1:3389  tls TLSv1.3"
    assert rows["Certificate (SHA-256)"] == pairs("ab" * 32)
    assert rows["Host key"] == pairs("cd" * 32)
    assert rows["System"] == "Debian"


def test_host_that_never_reported_is_shown() -> None:
    rows = dict(host_rows(BRANCH, host("h1", link_up=False)))
    assert rows["Agent"] == rows["Reported"] == "-"
    assert "System" not in rows


def test_pane_follows_the_host_and_the_console(qt: QApplication) -> None:
    pane = HostPane()
    assert pane.place is None
    pane.show_host(BRANCH, host("h1", "files", link_changed_at=NOW))
    assert pane.place == PLACE
    state = pane.findChild(QLabel, "host-state")
    assert isinstance(state, QLabel)
    assert state.text().startswith("Acme GmbH · Up · link up since 2026-05-0")
    assert pane.facts.rows == ()

    pane.show_console(ConsoleSeen(ORDER, FACTS, SESSIONS))
    assert ("Host name", "files") in pane.facts.rows
    assert pane.sessions.table.rowCount() == 2

    pane.show_console(None)
    assert (pane.facts.rows, pane.sessions.table.rowCount()) == ((), 0)
    pane.show_nothing()
    assert pane.place is None


def test_buttons_tell_what_is_wanted(qt: QApplication) -> None:
    pane = HostPane()
    heard: list[str] = []
    pane.desktop_wanted.connect(lambda: heard.append("desktop"))
    pane.console_wanted.connect(lambda: heard.append("console"))
    pane.display_wanted.connect(lambda: heard.append("display"))
    pane.log_wanted.connect(heard.append)
    pane.show_console(ConsoleSeen(ORDER, FACTS, SESSIONS))
    for name in ("connect-desktop", "open-console", "display"):
        press(pane, name)
    pane.log.source.setCurrentIndex(1)
    press(pane, "read-log")
    assert heard == ["desktop", "console", "display", "rdp"]


def test_log_of_the_rdp_service_is_to_be_read_where_the_host_offers_it(qt: QApplication) -> None:
    pane = HostPane()
    pane.show_console(ConsoleSeen(ORDER, FACTS, SESSIONS))
    pane.show_console(ConsoleSeen(ORDER, FACTS, SESSIONS))
    assert pane.log.source.count() == 2
    pane.show_console(ConsoleSeen(ORDER, FACTS.model_copy(update={"offers": ()}), SESSIONS))
    assert [pane.log.source.itemData(at) for at in range(pane.log.source.count())] == ["agent"]


def test_chosen_session_is_logged_off_and_stays_chosen(qt: QApplication) -> None:
    pane = HostPane()
    heard: list[str] = []
    pane.log_off_wanted.connect(heard.append)
    pane.show_console(ConsoleSeen(ORDER, FACTS, SESSIONS))
    press(pane, "log-off")
    assert heard == []
    pane.sessions.table.selectRow(1)
    fewer = SESSIONS.model_copy(update={"sessions": SESSIONS.sessions[1:]})
    pane.show_console(ConsoleSeen(ORDER, FACTS, fewer))
    press(pane, "log-off")
    assert heard == ["s2"]


def test_words_of_the_host_are_text(qt: QApplication) -> None:
    pane = HostPane()
    pane.show_host(BRANCH, host("h1", HOSTILE, agent_version=HOSTILE, report=report(HOSTILE)))
    texts = [each.text() for each in pane.findChildren(QLabel)]
    assert texts.count(ESCAPED) >= 3
    assert not any("\x1b" in text or "\u202e" in text for text in texts)

    pane.log.show_log(Log(lines=("<b>one</b>", "two"), cut=True))
    assert pane.log.lines.toPlainText() == "… older lines are left out\n<b>one</b>\ntwo"

"""The list of remote desktops."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from dialback.console.connecting import Step
from dialback.console.window.running import RunningList, visit_texts
from tests.console.window.things import visit


def shown(running: RunningList) -> list[list[str]]:
    texts = []
    for row in range(running.table.rowCount()):
        found = [running.table.item(row, at) for at in range(5)]
        texts.append([item.text() for item in found if item is not None])
    return texts


def press(running: RunningList, name: str) -> None:
    found = running.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    found.click()


def test_visit_is_one_row_from_asking_to_its_end(qt: QApplication) -> None:
    running = RunningList()
    running.show_visit(visit())
    assert shown(running) == [["acme/files", "Asking for access", "", "", ""]]
    running.show_visit(visit(step=Step.CONNECTED, address="127.1.2.3:3389", to_client_bytes=1500))
    assert shown(running) == [["acme/files", "Connected", "127.1.2.3:3389", "1.5 kB", "0 bytes"]]
    running.show_visit(visit(step=Step.ENDED))
    assert shown(running) == []
    assert running.open_visits == []


def test_visit_that_failed_stays_until_it_is_cleared(qt: QApplication) -> None:
    running = RunningList()
    running.show_visit(visit(1, step=Step.ENDED, problem="The tenant is suspended."))
    running.show_visit(visit(2, step=Step.CONNECTED))
    assert shown(running)[0][1] == "Ended: The tenant is suspended."
    press(running, "clear-ended")
    assert list(running.visits) == [2]


@pytest.mark.parametrize("by_key", [True, False])
def test_chosen_visit_is_ended(qt: QApplication, by_key: bool) -> None:
    running = RunningList()
    ended: list[int] = []
    running.end_wanted.connect(ended.append)
    for number in (1, 2):
        running.show_visit(visit(number, step=Step.CONNECTED))
    press(running, "end-visit")
    assert ended == []
    running.table.selectRow(1)
    if by_key:
        running.show()
        running.table.setFocus()
        qt.processEvents()
        QTest.keyClick(running.table, Qt.Key.Key_Delete)
    else:
        press(running, "end-visit")
    assert ended == [2]


def test_bytes_are_shown_once_there_is_a_redirector() -> None:
    assert visit_texts(visit())[2:5] == ("", "", "")
    assert visit_texts(visit(address="127.1.2.3:1", to_host_bytes=7))[4] == "7 bytes"


def test_proof_is_shown_as_long_as_there_is_no_problem() -> None:
    assert visit_texts(visit(step=Step.CONNECTED, proof="Proven: so."))[1] == "Connected. Proven: so."
    assert visit_texts(visit(step=Step.ENDED, proof="Proven: so.", problem="No."))[1] == "Ended: No."

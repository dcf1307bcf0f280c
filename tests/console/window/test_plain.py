"""Small widgets: text stays text."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from dialback.console.window.plain import (
    Link,
    Notice,
    Question,
    Rows,
    button,
    column,
    fixed_font,
    heading,
    label,
    row_of,
)

HTML = "<b>bold</b>"


def test_labels_take_no_html(qt: QApplication) -> None:
    for made in (label(HTML), heading(HTML), label(HTML, selectable=True)):
        assert made.textFormat() is Qt.TextFormat.PlainText
        assert made.text() == HTML


def test_button_and_link_do_what_they_are_for(qt: QApplication) -> None:
    pressed: list[str] = []
    for make in (button, Link):
        made = make("Go", "go", lambda: pressed.append("go"))
        made.show()
        made.setFocus()
        assert not made.grab().isNull()
        made.click()
    assert pressed == ["go", "go"]


def test_notice_is_shown_until_it_is_closed(qt: QApplication) -> None:
    notice = Notice()
    assert notice.text == ""
    notice.say(HTML)
    assert notice.text == HTML
    notice.say("done", warns=False)
    assert notice.text == "done"
    notice.hide()
    assert notice.text == ""
    assert [each.textFormat() for each in notice.findChildren(QLabel, "notice-text")] == [
        Qt.TextFormat.PlainText
    ]


def test_rows_stay_the_same_widgets_while_they_say_the_same(qt: QApplication) -> None:
    rows = Rows("rows")
    rows.show_rows([("Name", HTML), ("Key", ":".join(["AB"] * 32))])
    before = rows.findChildren(QLabel)
    rows.show_rows([("Name", HTML), ("Key", ":".join(["AB"] * 32))])
    assert rows.findChildren(QLabel) == before
    assert {each.textFormat() for each in before} == {Qt.TextFormat.PlainText}
    assert before[3].font() == fixed_font() or before[2].font() == fixed_font()
    rows.show_rows([])
    assert rows.rows == ()


def test_layouts_hold_what_they_are_given(qt: QApplication) -> None:
    outer = QWidget()
    outer.setLayout(column(label("a"), row_of(label("b"), None, label("c")), None))
    assert [each.text() for each in outer.findChildren(QLabel)] == ["a", "b", "c"]


@pytest.mark.parametrize(("name", "agreed"), [("question-yes", 1), ("question-no", 0)])
def test_question_is_agreed_by_its_first_answer_alone(qt: QApplication, name: str, agreed: int) -> None:
    parent = QWidget()
    question = Question(parent, "Sure?", HTML, "Do it")
    assert question.textFormat() is Qt.TextFormat.PlainText
    heard: list[int] = []
    question.agreed.connect(lambda: heard.append(1))
    question.open()
    found = question.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    found.click()
    assert len(heard) == agreed

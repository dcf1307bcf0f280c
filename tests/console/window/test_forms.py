"""What dialogs have in common."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from dialback.console.window.forms import Form, user_problem
from dialback.console.window.links import Link


def test_form_says_what_is_wrong_and_does_what_it_is_for(qt: QApplication) -> None:
    done: list[str] = []
    form = Form(None, "form", "Title")
    form.purpose_fields(Link("acme/files", "why", "4711"))
    go = form.finish("&Go", "go", lambda: done.append("go"))

    assert form.problem() == ""
    form.purpose.setText("")
    assert form.problem().startswith("Say why")
    form.purpose.setText("why")
    form.user.setText("x" * 500)
    assert "user name" in form.problem()
    assert isinstance(go, QPushButton)
    assert go.isDefault()
    go.click()
    assert done == ["go"]
    assert [each.text() for each in form.findChildren(QLabel) if each.buddy()] == [
        "&Purpose:",
        "&Ticket number:",
    ]


@pytest.mark.parametrize(("user", "is_fit"), [("", True), (" ann ", True), ("a\u202eb", False)])
def test_user_name_is_judged(user: str, is_fit: bool) -> None:
    assert (user_problem(user) == "") == is_fit

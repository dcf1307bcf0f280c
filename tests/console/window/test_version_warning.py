"""The warning when versions differ."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from dialback.console.window.events import VersionsWarned
from dialback.console.window.platform import Order
from dialback.console.window.version_warning import VersionWarning
from dialback.wire.agent.version import VersionRange
from tests.console.window.things import ORDER


def test_warning_names_both_versions_and_its_link_starts_the_remote_desktop(qt: QApplication) -> None:
    wanted: list[Order] = []
    warning = VersionWarning(None, VersionsWarned(ORDER, VersionRange(1, 1), VersionRange(2, 2)))
    warning.desktop_wanted.connect(wanted.append)

    assert warning.text.textFormat() is Qt.TextFormat.PlainText
    assert "console speaks protocol 1, the agent on acme/files speaks protocol 2." in warning.text.text()
    warning.link.click()
    assert wanted == [ORDER]

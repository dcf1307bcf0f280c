"""What the window's tests share: a platform on loopback, and Qt without a display."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.console.window.platform_stub import PlatformStub, stocked

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


@pytest.fixture
def platform_stub(tmp_path: Path) -> Iterator[PlatformStub]:
    folder = tmp_path / "platform"
    folder.mkdir()
    with stocked(PlatformStub(folder)).running() as stub:
        yield stub


@pytest.fixture(scope="session")
def qt() -> "Iterator[QApplication]":
    """Qt's application, which draws into memory."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtCore import QEvent
    from PySide6.QtWidgets import QApplication

    application = QApplication([])
    application.setQuitOnLastWindowClosed(False)
    yield application
    for widget in application.topLevelWidgets():
        widget.hide()
        widget.deleteLater()
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    application.processEvents()

"""Icons: drawn, and told apart by shape."""

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from dialback.console.window.marks import console_icon, state_icon
from dialback.console.window.tree import State


def shape(icon: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal) -> frozenset[tuple[int, int]]:
    """Return which points of an icon are drawn on, whatever the colour."""
    image = icon.pixmap(16, 16, mode).toImage()
    return frozenset((x, y) for x in range(16) for y in range(16) if image.pixelColor(x, y).alpha() > 128)


def test_states_are_told_apart_by_shape(qt: QApplication) -> None:
    assert len({shape(state_icon(state)) for state in State}) == len(State)


def test_chosen_row_keeps_the_colour_of_its_mark(qt: QApplication) -> None:
    icon = state_icon(State.UP)
    normal, chosen = (
        icon.pixmap(16, 16, mode).toImage() for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected)
    )
    assert normal.pixelColor(8, 8) == chosen.pixelColor(8, 8)


def test_console_has_an_icon(qt: QApplication) -> None:
    assert len(shape(console_icon())) > 60

"""Icons, drawn here: they are sharp at any size, and fit a light and a dark look alike.

A state is told by shape as well as by colour: a full disc is up, a triangle fails, a ring is down, two bars
are suspended.
"""

from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from dialback.console.window.tree import State

GREEN, AMBER, GREY, BLUE = QColor("#2e9e5b"), QColor("#d9822b"), QColor("#8a8f98"), QColor("#3b7dd8")
_SIZES = (16, 22, 24, 32, 48, 64, 128)
_Draw = Callable[[QPainter], None]
"""Draws on a square of 16 by 16."""


@cache
def state_icon(state: State) -> QIcon:
    """Return the mark of a state."""
    return _icon(_STATES[state])


@cache
def console_icon() -> QIcon:
    """Return the console's own icon: a screen, and an arrow that comes out of it."""
    return _icon(_draw_console)


def _icon(draw: _Draw) -> QIcon:
    icon = QIcon()
    for size in _SIZES:
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(size / 16, size / 16)
        draw(painter)
        painter.end()
        # Else a chosen row would tint it.
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
            icon.addPixmap(pixmap, mode)
    return icon


def _draw_disc(painter: QPainter) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(GREEN)
    painter.drawEllipse(QRectF(3.5, 3.5, 9, 9))


def _draw_triangle(painter: QPainter) -> None:
    painter.setPen(
        QPen(AMBER, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    )
    painter.setBrush(AMBER)
    painter.drawPolygon(QPolygonF([QPointF(8, 3.6), QPointF(12.8, 12), QPointF(3.2, 12)]))


def _draw_ring(painter: QPainter) -> None:
    painter.setPen(QPen(GREY, 1.8))
    painter.drawEllipse(QRectF(4, 4, 8, 8))


def _draw_bars(painter: QPainter) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BLUE)
    painter.drawRoundedRect(QRectF(4, 3.5, 3, 9), 1, 1)
    painter.drawRoundedRect(QRectF(9, 3.5, 3, 9), 1, 1)


def _draw_dash(painter: QPainter) -> None:
    painter.setPen(QPen(GREY, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(5, 8), QPointF(11, 8))


def _draw_console(painter: QPainter) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(BLUE)
    painter.drawRoundedRect(QRectF(1, 2, 14, 10), 1.5, 1.5)
    painter.drawRect(QRectF(7, 12, 2, 1.5))
    painter.drawRoundedRect(QRectF(4.5, 13, 7, 1.3), 0.6, 0.6)
    arrow = QPainterPath(QPointF(4, 9))
    arrow.cubicTo(QPointF(4, 5.2), QPointF(7, 5.2), QPointF(11, 5.6))
    arrow.moveTo(QPointF(8.8, 3.6))
    arrow.lineTo(QPointF(11.4, 5.6))
    arrow.lineTo(QPointF(9, 7.8))
    white = QColor("white")
    painter.setPen(
        QPen(white, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    )
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(arrow)


_STATES: dict[State, _Draw] = {
    State.UP: _draw_disc,
    State.FAILING: _draw_triangle,
    State.DOWN: _draw_ring,
    State.SUSPENDED: _draw_bars,
    State.EMPTY: _draw_dash,
}

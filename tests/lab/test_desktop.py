"""The desktop's programs are placed where the rules for pictures expect them."""

import re

from lab.desktop import CLOCK, TERMINAL, TERMINAL_COLOUR, TERMINAL_POINT


def test_the_point_in_the_terminal_is_beside_the_clock() -> None:
    width, _, left, _ = (int(part) for part in re.findall(r"\d+", CLOCK[-1]))
    assert TERMINAL_POINT[0] > left + width
    _, _, left, top = (int(part) for part in re.findall(r"\d+", TERMINAL[-1]))
    assert (left, top) < TERMINAL_POINT


def test_the_terminal_has_the_colour_it_is_found_by() -> None:
    assert TERMINAL[TERMINAL.index("-bg") + 1] == TERMINAL_COLOUR

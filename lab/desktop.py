"""What every desktop of the lab shows: a coloured background, a clock, a terminal, a window manager.

The same on all hosts, so that one rule finds the terminal in a picture, whichever host is seen.
"""

TERMINAL_COLOUR = "#101820"
TERMINAL_POINT = (500, 150)
"""A point inside the terminal, in pixels from the top left of the desktop."""

CLOCK = ["xclock", "-geometry", "200x200+20+20"]
TERMINAL = ["xterm", "-bg", TERMINAL_COLOUR, "-fg", "#e8e8e8", "-geometry", "80x20+250+40"]
WINDOW_MANAGER = ["openbox"]

"""What every desktop of the lab shows: a coloured background, a clock, a terminal, a window manager.

The same on all hosts, so that one rule finds the terminal in a picture, whichever host is seen.

No window is made before the window manager has started: Openbox 3.6.1 reads what asks for its attention while
it starts, and looks at it after the next key or click alone. Nobody would see the window until then.
"""

import shlex

from lab.place import Command

TERMINAL_COLOUR = "#101820"
TERMINAL_POINT = (500, 150)
"""A point inside the terminal, in pixels from the top left of the desktop."""

CLOCK = ["xclock", "-geometry", "200x200+20+20"]
TERMINAL = ["xterm", "-bg", TERMINAL_COLOUR, "-fg", "#e8e8e8", "-geometry", "80x20+250+40"]
WINDOW_MANAGER = "openbox"


def window_manager(then: Command) -> Command:
    """Return the window manager, which runs `then` once it shows the windows that are made."""
    return [WINDOW_MANAGER, "--startup", shlex.join(map(str, then))]

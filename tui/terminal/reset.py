"""Leave the terminal as it was where a crash ends the app at once."""

import os
from collections.abc import Callable

# What the app switches on, off: keys, mouse, focus, paste, hidden cursor and alternate screen.
RESET = b"\x1b[<u\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l"
RESET += b"\x1b[?25h\x1b[?1049l\x1b[0m"


def remember_terminal() -> Callable[[], None] | None:
    """Return a function that gives the terminal of stdin and stdout the settings that it has now.

    It does little, so that a handler of a crash can call it. None on Windows.
    """
    try:
        import termios
    except ImportError:
        return None
    settings = termios.tcgetattr(0)

    def reset() -> None:
        os.write(1, RESET)
        termios.tcsetattr(0, termios.TCSANOW, settings)

    return reset

"""Messages on stderr, for commands and for training without the app."""

import os
import sys

from tui.text.formats import printable


def complain(message: str) -> None:
    """Print a message as one line on stderr; control characters in file names are escaped."""
    print(f"mnist-tui: {printable(one_line(message))}", file=sys.stderr)


def one_line(text: str) -> str:
    return " ".join(text.split())


def is_dumb() -> bool:
    """Return whether the terminal says that it cannot move its cursor, as in Emacs' shell."""
    return os.environ.get("TERM") in ("dumb", "unknown")

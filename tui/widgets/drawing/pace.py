"""How often a drawing, or a widget beside it, is drawn: training waits for each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic


class Pace:
    """Lets something be drawn at most once in so many seconds, and its newest state in the end."""

    def __init__(self, seconds: float, draw: Callable[[], None]) -> None:
        """`draw` is called when what was put off is due; it asks `is_due` again."""
        self._seconds, self._draw = seconds, draw
        self._drawn_at = 0.0
        self._later: asyncio.TimerHandle | None = None

    def is_due(self) -> bool:
        """Return whether to draw now; if not, `draw` is called once it is time."""
        if self._later:
            return False
        wait = self._drawn_at + self._seconds - monotonic()
        if wait <= 0:
            self._drawn_at = monotonic()
            return True
        # Not one of Textual's timers: each is a task and an event, and one whose time is over
        # before it begins never fires.
        self._later = asyncio.get_running_loop().call_later(wait, self._be_due)
        return False

    def _be_due(self) -> None:
        self._later, self._drawn_at = None, 0.0
        self._draw()

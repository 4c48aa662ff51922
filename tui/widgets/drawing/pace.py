"""How often a widget beside a growing drawing is drawn: training waits for each time."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from textual.timer import Timer
from textual.widget import Widget


class Pace:
    """Lets something be drawn at most once in so many seconds, and its newest state in the end."""

    def __init__(self, widget: Widget, seconds: float, draw: Callable[[], None]) -> None:
        """`draw` is called when what was put off is due; it asks `is_due` again."""
        self._widget, self._seconds, self._draw = widget, seconds, draw
        self._drawn_at = 0.0
        self._later: Timer | None = None

    def is_due(self) -> bool:
        """Return whether to draw now; if not, `draw` is called once it is time."""
        wait = self._drawn_at + self._seconds - monotonic()
        if wait <= 0:
            self._drawn_at = monotonic()
            return True
        if self._later is None:
            self._later = self._widget.set_timer(wait, self._be_due)
        return False

    def _be_due(self) -> None:
        self._later, self._drawn_at = None, 0.0
        self._draw()

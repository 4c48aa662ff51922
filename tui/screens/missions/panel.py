"""The panel beside the runs of a mission."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Static

from tui.missions.attempt import MissionAttempt
from tui.screens.base import app_of
from tui.screens.captions import set_text
from tui.screens.missions.panel_texts import (
    fold_bullets,
    height_of,
    panel_keys,
    panel_lines,
    panel_title,
)
from tui.screens.train_layout import is_dashboard

SHORT_ROWS, HINT_ROWS = 3, 3  # of text, in a small window
BORDERS = 4  # columns, with a space at the left, and the scroll bar at the right


class MissionPanel(VerticalScroll, can_focus=False):
    """What to do now, and after success what happened and why."""

    DEFAULT_CSS = """
    MissionPanel {
        padding: 0 0 0 1;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
        #mission-text { width: 100%; height: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__(classes="panel", id="mission")
        self._attempt: MissionAttempt | None = None
        self._is_beside = False  # else it is above the other panels, and may be short

    def compose(self) -> ComposeResult:
        yield Static(id="mission-text")

    def on_mount(self) -> None:
        self._draw()

    def rows_wanted(self, size: Size) -> int:
        """Return how many rows of the view's area, of that size, the panel takes where it is above
        the others."""
        self._is_beside = is_dashboard(size)
        if self._attempt is None:
            return 1
        rows = height_of(self._lines(self._attempt), size.width - BORDERS)
        most = SHORT_ROWS + (HINT_ROWS if self._attempt.hints else 0)
        return (rows if self._attempt.is_expanded else min(rows, most)) + 2

    def act(self, what: str) -> None:
        """Show a hint, more or less of the mission, another page, or leave the mission."""
        guide = app_of(self.screen).missions
        if self._attempt is None:
            return
        match what:
            case "hint":
                guide.hint()
            case "expand":
                guide.expand()
            case "leave":
                guide.leave()
            case "up" | "down":
                rows = self.size.height - 1
                self.scroll_relative(y=rows if what == "down" else -rows, animate=False)

    def _lines(self, attempt: MissionAttempt) -> list[Content]:
        is_short = not (self._is_beside or attempt.is_expanded)
        return panel_lines(attempt, app_of(self.screen).config.data, is_short=is_short)

    def show(self, attempt: MissionAttempt | None) -> None:
        before, self._attempt = self._attempt, attempt
        if _stage(before) != _stage(attempt):
            self.scroll_home(animate=False)
        self._draw()

    @on(Resize)
    def _draw(self) -> None:
        attempt = self._attempt
        if attempt is None or not self.query("#mission-text"):
            return
        lines = self._lines(attempt)
        self.border_title = Content(panel_title(attempt))
        self.border_subtitle = panel_keys(attempt, can_expand=not self._is_beside)
        text = fold_bullets(lines, self.size.width - BORDERS + 2)  # its size is without borders
        set_text(self, "#mission-text", Content("\n").join(text))


def _stage(attempt: MissionAttempt | None) -> tuple[object, ...]:
    return (attempt.mission, attempt.status.phase, attempt.run) if attempt else ()

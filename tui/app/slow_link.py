"""The app's side of the line to its terminal, which may be slow."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS
from textual.app import App
from textual.constants import TEXTUAL_ANIMATIONS
from textual.events import DescendantFocus, Resize
from textual.reactive import var
from textual.widgets import Input

from tui.terminal.textual_private import intercept_frames, screen_strips
from tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.geometry import Size
    from textual.screen import Screen

# A modal screen has the view behind it drawn as it is, not dimmed: that would be all of it anew.
SLOW_CLASS = "-slow-link"
RATE_SECONDS = 2.0  # between two rates that are shown


def erases(environment: Mapping[str, str]) -> bool:
    """Whether what the terminal erases takes the background that is set. Of all in use GNU screen's
    alone does not; from where ssh comes only the kind is told, which tmux may call the same."""
    named_so = environment.get("TERM", "").startswith("screen") and "TMUX" not in environment
    return "STY" not in environment and not named_so


class Linked(App[None]):
    """The part of the app that has to do with what it writes."""

    # None where it writes to no terminal.
    bytes_per_second: var[int | None] = var[int | None](None, init=False)

    def __init__(self) -> None:
        from tui.terminal.slow_terminal import LOOK_SECONDS, SlowTerminal

        super().__init__()
        self.link = SlowTerminal(erases(os.environ), lambda: self.call_later(self._draw_all))
        self._look_seconds = LOOK_SECONDS
        intercept_frames(self, self._show_frame)
        self._rated_at = 0.0
        self._sized: Size | None = None  # what the terminal last said

    def get_driver_class(self) -> type[Driver]:
        from textual.drivers.linux_driver import LinuxDriver

        from tui.terminal.driver import TerminalDriver

        chosen = super().get_driver_class()
        return TerminalDriver if chosen is LinuxDriver else chosen

    def on_mount(self) -> None:
        if not self.is_headless:
            self.set_interval(self._look_seconds, self._look)

    def set_slow_link(self, slow: bool) -> None:
        """At most RATE bytes a second from now on, or as many as there are."""
        self.animation_level = "none" if slow else TEXTUAL_ANIMATIONS
        self.set_class(slow, SLOW_CLASS)
        if slow != self.link.slow:
            self.link.set_slow(slow)
        if self.is_running:
            for screen in self.screen_stack:
                for field in screen.query(Input):
                    field.cursor_blink = not slow
            self._draw_all()

    def falls_behind(self) -> None:
        """What is written comes so late that it has queued up on its way, and not for a moment."""

    def _look(self) -> None:
        behind = self.link.look()
        if monotonic() - self._rated_at >= RATE_SECONDS:
            self._rated_at = monotonic()
            self.bytes_per_second = round(self.link.rate)
        if behind and not self.link.slow:
            self.falls_behind()

    def _draw_all(self) -> None:
        self.link.forget()
        if self.screen_stack:
            self.screen.refresh(layout=True)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if isinstance(event.widget, Input):
            event.widget.cursor_blink = not self.link.slow

    def on_resize(self, event: Resize) -> None:
        """Textual does nothing where the size is as before, and the terminal may have been narrow
        meanwhile, or another's."""
        before, self._sized = self._sized, event.size
        if event.size == before:
            self._draw_all()

    def _show_frame(self, screen: Screen[Any], write: Callable[[], None]) -> None:
        """Write a frame Textual's own way, or on a slow connection as much of it as fits."""
        if self.link.holds_back and (strips := screen_strips(screen)) is not None:
            colours = COLOR_SYSTEMS.get(self.console.color_system or "", ColorSystem.TRUECOLOR)
            self.link.set_pictures(
                [widget.region for widget in screen.query(Canvas) if widget.is_picture_shown]
            )
            self.link.show(strips, screen.size.width, colours)
            self.post_display_hook()
            return
        with self.link.frame() as drawn:
            if drawn:
                write()
            else:
                self.post_display_hook()

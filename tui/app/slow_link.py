"""The app's connection to its terminal, which may be slow (over SSH, for example)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS
from textual.constants import TEXTUAL_ANIMATIONS
from textual.drivers.linux_driver import LinuxDriver
from textual.widgets import Input

from tui.state.summaries import describe_suspension
from tui.terminal.driver import TerminalDriver
from tui.terminal.slow_terminal import LOOK_SECONDS, SlowTerminal
from tui.terminal.textual_private import intercept_frames, screen_strips
from tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.geometry import Size
    from textual.screen import Screen
    from textual.widget import Widget

    from tui.app.app import MnistApp

# With this class a dialog does not dim the view behind it, which would redraw all of it.
SLOW_CLASS = "-slow-link"
RATE_SECONDS = 2.0  # between two rates that are shown


def erases(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal fills what it erases with the current background colour.

    All in use do, except GNU screen. Over SSH only its TERM is known, which tmux may use too.
    """
    is_screen = environment.get("TERM", "").startswith("screen") and "TMUX" not in environment
    return "STY" not in environment and not is_screen


def choose_driver(default: type[Driver]) -> type[Driver]:
    """Return the driver that slow links need, in place of Textual's for Linux and macOS."""
    return TerminalDriver if default is LinuxDriver else default


class SlowLink:
    """Measures the connection, and limits what is written to it while the mode is on."""

    def __init__(self, app: MnistApp, on_late: Callable[[], None]) -> None:
        """`on_late` is called when output arrives late, repeatedly."""
        self._app, self._on_late = app, on_late
        self.terminal = SlowTerminal(erases(os.environ), lambda: app.call_later(self.redraw))
        self.terminal.farewell = lambda: describe_suspension(app.runs.queue.newest().run)
        intercept_frames(app, self._show_frame)
        self._rated_at = 0.0
        self._size: Size | None = None  # that the terminal last reported

    def begin(self) -> None:
        if not self._app.is_headless:
            self._app.set_interval(LOOK_SECONDS, self._measure)

    def set_slow(self, slow: bool) -> None:
        """Switch the mode on or off: few bytes a second and no animations, or no limit."""
        app = self._app
        app.animation_level = "none" if slow else TEXTUAL_ANIMATIONS
        app.set_class(slow, SLOW_CLASS)
        if slow != self.terminal.slow:
            self.terminal.set_slow(slow)
        if app.is_running:
            for screen in app.screen_stack:
                for field in screen.query(Input):
                    field.cursor_blink = not slow
            self.redraw()

    def redraw(self) -> None:
        """Draw the whole screen again."""
        self.terminal.forget_screen()
        if self._app.screen_stack:
            self._app.screen.refresh(layout=True)

    def suspend(self) -> None:
        """Suspend the program, or say that it cannot be."""
        if not self.terminal.suspend():
            self._app.notify(
                "Ctrl-Z needs a shell with job control, which would continue the app with fg. "
                "To close the app and keep training, detach the run.",
                markup=False,
            )

    def focused(self, widget: Widget) -> None:
        if isinstance(widget, Input):
            widget.cursor_blink = not self.terminal.slow

    def resized(self, size: Size) -> None:
        """Redraw the whole screen at each change of the terminal's size but the first.

        Textual draws nothing if its layout is the same as before, though the terminal may have been
        narrower in between, or be another one.
        """
        before, self._size = self._size, size
        if before is not None:
            self.redraw()

    def _measure(self) -> None:
        is_late = self.terminal.measure()
        if monotonic() - self._rated_at >= RATE_SECONDS:
            self._rated_at = monotonic()
            self._app.bytes_per_second = round(self.terminal.rate)
        if is_late and not self.terminal.slow:
            self._on_late()

    def _show_frame(self, screen: Screen[Any], write: Callable[[], None]) -> None:
        """Write a frame Textual's own way, or on a slow connection as much of it as fits."""
        app, terminal = self._app, self.terminal
        if terminal.is_limited and (strips := screen_strips(screen)) is not None:
            colours = COLOR_SYSTEMS.get(app.console.color_system or "", ColorSystem.TRUECOLOR)
            canvases = list(screen.query(Canvas))
            terminal.set_boxes(
                [region for canvas in canvases for region in canvas.pictures],
                [region for canvas in canvases for region in canvas.first_cells],
            )
            terminal.show_frame(strips, screen.size.width, colours)
            app.post_display_hook()
            return
        with terminal.frame() as drawn:
            if drawn:
                write()
            else:
                app.post_display_hook()

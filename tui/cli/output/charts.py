"""Charts of runs in characters, for stdout."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from core.responses.rates import TriedRate
from tui.charts.grid import Run
from tui.charts.overlay import build_overlay_frame
from tui.charts.plot import build_chart
from tui.charts.rate_chart import build_rate_chart, rate_series
from tui.charts.series import Series, build_series, overlay_series
from tui.charts.x_axis import Window, choose_window
from tui.cli.output.tables import PIPE_WIDTH, needs_ascii, output_width
from tui.preferences import Preferences
from tui.state.run_state import LETTERS, RunState
from tui.text.ascii import to_ascii
from tui.text.console import is_dumb

ROWS, LABEL_COLUMNS = 16, 9
NARROWEST, WIDEST, PIPE_COLUMNS = 40, 100, 80
# The terminal's colours for numbers of tui.charts.series: axis, raw, smoothed, test, mark, a to d.
TERMINAL_COLOURS = dict(enumerate(("2", "36", "36;1", "33", "2", "35", "32", "33", "31"), 1))


def print_losses(state: RunState) -> None:
    """Print a chart of a run's training and test losses."""
    preferences = _chart_preferences(log_scale=True)
    width = _chart_width()
    window = choose_window(state, preferences, width - LABEL_COLUMNS)
    series = build_series("loss", state, (), preferences, window)
    train, test = (each.sign for each in series if each.name)
    print(f"training loss ({train}) and test loss ({test}) by epoch, log scale")
    _print_chart("loss", series, preferences, window, width)


def print_overlaid(kind: str, title: str, states: Sequence[RunState]) -> None:
    """Print one chart with a curve of each run, if any of them has one."""
    frame, width = build_overlay_frame(states), _chart_width()
    preferences = _chart_preferences(log_scale=kind == "loss")
    if frame.started is None:
        return
    window = choose_window(frame, preferences, width - LABEL_COLUMNS)
    series = overlay_series(kind, states, preferences, window, LETTERS)
    if any(each.points for each in series):
        print(f"\n{title}")
        _print_chart(kind, series, preferences, window, width)


def _chart_width() -> int:
    width = output_width()
    return PIPE_COLUMNS if width == PIPE_WIDTH else max(NARROWEST, min(width, WIDEST))


def _chart_preferences(*, log_scale: bool) -> Preferences:
    """In a file the chart is plain ASCII, since its reader may have no more."""
    is_plain = not sys.stdout.isatty() or needs_ascii()
    return replace(Preferences(), ascii=is_plain, log_scale=log_scale)


def _print_chart(
    kind: str, series: Sequence[Series], preferences: Preferences, window: Window, width: int
) -> None:
    try:
        lines = build_chart(kind, series, preferences, window, (width, ROWS))
    except (ArithmeticError, ValueError, IndexError) as error:
        # A record that was damaged or edited can hold any numbers.
        print(f"✗ the chart cannot be drawn: {error}")
        return
    _print_lines(lines, preferences)


def print_rates(points: Sequence[TriedRate], marked: float | None) -> None:
    """Print a chart of the losses of a search for a learning rate."""
    preferences = _chart_preferences(log_scale=False)
    width = _chart_width()
    raw, smoothed = (each.sign for each in rate_series(points, None, preferences))
    print(f"loss of each step ({raw}) and smoothed ({smoothed}) by learning rate")
    columns = width - LABEL_COLUMNS
    lines = build_rate_chart(points, marked, preferences, columns, (width, ROWS))
    _print_lines(lines, preferences)


def _print_lines(lines: Sequence[Sequence[Run]], preferences: Preferences) -> None:
    # See https://no-color.org.
    is_plain = os.environ.get("NO_COLOR") or is_dumb()
    has_colours = sys.stdout.isatty() and not is_plain
    for line in lines:
        pieces = (
            f"\x1b[{TERMINAL_COLOURS[tag]}m{text}\x1b[0m" if has_colours and tag else text
            for text, tag in line
        )
        text = "".join(pieces).rstrip()
        print(to_ascii(text) if preferences.ascii else text)

"""Draw a chart with plotext, and read its coloured text back as styled lines."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rich.segment import Segment
from rich.style import Style

from tui.charts.series import AXIS, Series
from tui.charts.x_axis import Window, x_ticks
from tui.charts.y_axis import build_y_axis, fit_label, value_scale
from tui.preferences import Preferences

COLOUR = re.compile(r"\x1b\[([0-9;]*)m")


def build_chart(
    kind: str,
    series: Sequence[Series],
    preferences: Preferences,
    window: Window,
    size: tuple[int, int],
) -> str:
    """Return the chart as plotext's text of `size` (columns, lines).

    Its colours are the numbers of tui.charts.series: AXIS, and each series' tag.
    """
    import plotext

    width, height = size
    scale = value_scale(kind, preferences.log_scale)
    low, high, ticks = build_y_axis(kind, series, preferences, height)
    margin = width - window.columns - 1  # the same for all labels, so that columns keep their place
    ticks = [(at, fit_label(at, label, margin, preferences)) for at, label in ticks]
    figure: Any = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")
    figure.canvas("default")
    ink = plotext.pixel(foreground=AXIS)
    figure.axes(False, axis=(0, 1), side=1)
    figure.axes(True, axis=(0, 1), side=0, pixel=ink)
    x_axis, y_axis = figure.ruler(0, 0), figure.ruler(1, 0)
    x_axis.lim(window.low, window.high).pixel(ink)
    x_axis.ticks(*x_ticks(preferences.x_axis, window))
    y_axis.lim(low, high).pixel(ink)
    y_axis.ticks([at for at, _ in ticks], [label for _, label in ticks])
    for each in series:
        # plotext ends the process at NaN and infinity.
        points = [(x, scale(value)) for x, value in each.points if math.isfinite(value)]
        if not points:
            continue
        xs, ys = [x for x, _ in points], [y for _, y in points]
        shape = plotext.marker(each.marker, plotext.pixel(foreground=each.tag))
        figure.draw(figure.signal(xs, ys, marker=shape).lines(each.line))
    return figure.build().string()


def parse_plot(text: str, styles: dict[int, Style]) -> Iterator[list[Segment]]:
    """Yield the lines of plotext's text, each number's colour replaced by its style.

    Neighbours of one style become one segment.
    """
    for row in text.removesuffix("\n").split("\n"):
        style: Style | None = None
        line: list[Segment] = []
        for place, piece in enumerate(COLOUR.split(row)):
            if place % 2:
                colour = piece.rpartition(";")[2]
                style = styles.get(int(colour)) if piece.startswith("38") else None
            elif piece:
                if line and line[-1].style == style:
                    line[-1] = Segment(line[-1].text + piece, style)
                else:
                    line.append(Segment(piece, style))
        yield line

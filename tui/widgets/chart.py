"""The loss curve, drawn by plotext and shown at the cost of what changed."""

import math
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from tui.settings import Settings
from tui.state import RunState
from tui.widgets.canvas import Canvas, Line

Points = list[tuple[float, float]]

# plotext colours what it draws; these numbers say what is what when its text is read back.
AXIS, RAW, SMOOTH, TEST = 1, 2, 3, 4
PARTS = {AXIS: "chart--axis", RAW: "chart--raw", SMOOTH: "chart--smooth", TEST: "chart--test"}
COLOUR = re.compile(r"\x1b\[([0-9;]*)m")


class LossChart(Canvas):
    """Training loss, raw and smoothed, and test loss, over the whole planned run: with both axes
    fixed, what has been drawn stays as it is, and a frame changes few characters."""

    COMPONENT_CLASSES = set(PARTS.values())

    run_state: var[RunState] = var(RunState, init=False)
    settings: var[Settings] = var(Settings, init=False)

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        def shown(state: RunState) -> tuple[object, ...]:
            return state.curves, state.scores, state.started, state.active

        if shown(before) != shown(after):
            self.draw()

    def watch_settings(self) -> None:
        self.draw()

    def draw(self) -> None:
        width, height = self.size
        if width < 20 or height < 5:
            return
        state = self.run_state
        styles = {tag: self.part(name) for tag, name in PARTS.items()}
        legend = self._legend(styles)
        if not state.started or not (state.curves.losses.points or state.scores):
            waiting = "the loss appears here" if state.active else "press space to train"
            blank: Line = []
            middle = [Segment(waiting.center(width), styles[AXIS])]
            rows = [blank] * (height // 2 - 1)
            self.paint([legend, *rows, middle, *[blank] * (height - len(rows) - 2)])
            return
        text = build_chart(state, self.settings, width, height - 1)
        self.paint([legend, *read_back(text, styles)])

    def _legend(self, styles: dict[int, Style]) -> Line:
        settings = self.settings
        quiet = styles[AXIS]
        scale = "log" if settings.log_scale else "linear"
        smooth = f"smooth {settings.smoothing:g}" if settings.smoothing else "not smoothed"
        return [
            Segment(" loss  ", quiet),
            Segment("⠒⠒", styles[SMOOTH if settings.smoothing else RAW]),
            Segment(" training  ", quiet),
            Segment("●", styles[TEST]),
            Segment(f" test   {scale}, {smooth}", quiet),
        ]


def build_chart(state: RunState, settings: Settings, width: int, height: int) -> str:
    """The chart as plotext's text, coloured with the numbers above."""
    import plotext

    run = state.started
    assert run is not None
    columns = max(10, width - 8)
    raw = thin(list(state.curves.losses.points), run.total_steps, columns * 2)
    tests = [(float(score.step), score.loss) for score in state.scores]
    scale = _log10 if settings.log_scale else float
    values = [scale(loss) for _, loss in raw + tests]
    low, high, ticks = (log_axis if settings.log_scale else linear_axis)(
        min(values), max(values), max(2, height // 3)
    )
    figure: Any = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")
    figure.canvas("default")
    ink = plotext.pixel(foreground=AXIS)
    figure.axes(False, axis=(0, 1), side=1)
    figure.axes(True, axis=(0, 1), side=0, pixel=ink)
    x_axis, y_axis = figure.ruler(0, 0), figure.ruler(1, 0)
    x_axis.lim(0, run.total_steps).pixel(ink)
    x_axis.ticks(*epoch_ticks(run.epochs, run.steps_per_epoch, columns // 8))
    y_axis.lim(low, high).pixel(ink)
    y_axis.ticks([at for at, _ in ticks], [label for _, label in ticks])

    def draw(points: Points, marker: str, tag: int) -> None:
        if points:
            steps, losses = [at for at, _ in points], [scale(loss) for _, loss in points]
            shape = plotext.marker(marker, plotext.pixel(foreground=tag))
            figure.draw(figure.signal(steps, losses, marker=shape).lines(len(marker) > 1))

    draw(raw, "braille", RAW)
    if settings.smoothing:
        draw(smoothed(raw, settings.smoothing), "braille", SMOOTH)
    draw(tests, "●", TEST)
    return figure.build().string()


def thin(points: Points, total: int, most: int) -> Points:
    """At most so many points: means over equal stretches of the whole run, so that a stretch
    that is behind keeps its point."""

    def stretch(point: tuple[float, float]) -> int:
        return int(point[0] * most / total)

    out = []
    for _, group in groupby(points, key=stretch):
        members = list(group)
        out.append((members[-1][0], sum(loss for _, loss in members) / len(members)))
    return out


def smoothed(points: Points, weight: float) -> Points:
    """Exponential moving average without the pull of its start: Adam's correction,
    https://arxiv.org/abs/1412.6980."""
    mean, out = 0.0, []
    for count, (step, loss) in enumerate(points, 1):
        mean = weight * mean + (1 - weight) * loss
        out.append((step, mean / (1 - weight**count)))
    return out


def _log10(loss: float) -> float:
    return math.log10(max(loss, 1e-12))


def linear_axis(low: float, high: float, most: int) -> tuple[float, float, list[tuple[float, str]]]:
    """From 0 to a round number above the highest, with round ticks: (low, high, ticks)."""
    step = nice(max(high, 1e-9) / most)
    count = math.ceil(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)))
    labels = [(step * i, f"{step * i:.{digits}f}") for i in range(count + 1)]
    if step >= 10_000:
        labels = [(at, f"{at:.0e}") for at, _ in labels]
    return 0.0, step * count, labels


def log_axis(low: float, high: float, most: int) -> tuple[float, float, list[tuple[float, str]]]:
    """Bounds and ticks for log10 values: at 1, 2 and 5 times powers of ten, or powers alone."""
    bottom, top = math.floor(low), math.ceil(high)
    marks = [
        (power + math.log10(part), f"{part * 10.0**power:.6g}")
        for power in range(bottom, top + 1)
        for part in (1, 2, 5)
    ]
    start = max(i for i, (at, _) in enumerate(marks) if at <= low + 1e-9)
    end = next((i for i, (at, _) in enumerate(marks) if at >= high - 1e-9), len(marks) - 1)
    end = max(end, start + 1)
    shown = marks[start : end + 1]
    if len(shown) > most:
        whole = [mark for mark in shown if mark[1].lstrip("0.").startswith("1")]
        shown_ticks = whole[:: max(1, math.ceil(len(whole) / most))] or shown[:: len(shown) - 1]
    else:
        shown_ticks = shown
    return shown[0][0], shown[-1][0], shown_ticks


def nice(size: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(power * part for part in (1, 2, 5, 10) if power * part >= size * 0.999999)


def epoch_ticks(epochs: int, steps: int, most: int) -> tuple[list[int], list[str]]:
    """Where whole epochs end, and their numbers; not more of them than fit."""
    every = max(1, round(nice(epochs / max(1, most)))) if epochs > most else 1
    shown = list(range(0, epochs + 1, every))
    return [epoch * steps for epoch in shown], [
        f"epoch {epoch}" if epoch == shown[-1] and epoch else str(epoch) for epoch in shown
    ]


def read_back(text: str, styles: dict[int, Style]) -> Iterator[Line]:
    """plotext's coloured text as lines of segments, neighbours of one style merged."""
    for row in text.removesuffix("\n").split("\n"):
        style: Style | None = None
        line: Line = []
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

"""What stands in the border of a chart: its title with the value of each curve, and its keys."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from tui.charts.plot import MARK_WORDS, MARKS
from tui.charts.series import CHART_KINDS, OVERLAY, SMOOTH, TEST, Points, Series, has_rate_changed
from tui.charts.x_axis import format_x
from tui.preferences import Preferences
from tui.state.run_state import RunState
from tui.text.formats import format_rate

Part = tuple[str, int]  # text and the tag of its colour, 0 for the title's own


def title_parts(
    kind: str,
    series: Sequence[Series],
    preferences: Preferences,
    cursor: float | None,
    width: int,
) -> list[Part]:
    """Return the title in at most `width` columns, with the values of the curves.

    These are the newest ones, or those at the x of the `cursor`. What is left out first is what
    says least: the scale, overlaid runs, which are named in the plot too, spaces, the word for the
    training curve, and the values other than the test's.
    """
    values = _values(kind, series, preferences, cursor)
    for gap, with_scale, with_train, overlaid, with_values in (
        ("  ", True, True, 4, True),
        *(("  ", False, True, count, True) for count in (4, 3, 2, 1, 0)),
        (" ", False, True, 0, True),
        (" ", False, False, 0, True),
        (" ", False, False, 0, False),
    ):
        parts: list[Part] = [(chart_title(kind, preferences, with_scale=with_scale), 0)]
        for each, value in values:
            if each.tag in OVERLAY[overlaid:] or (not with_values and each.tag != TEST):
                continue
            name = "" if each.tag == SMOOTH and not with_train else each.name
            text = " ".join(filter(None, (each.sign, name, value)))
            parts += [(gap, 0), (text, each.tag)]
        if sum(len(text) for text, _ in parts) <= width:
            break
    return parts


def chart_title(kind: str, preferences: Preferences, *, with_scale: bool = True) -> str:
    """Return what the chart shows; on a log scale that of the accuracy shows the error."""
    what = CHART_KINDS[kind]
    if not preferences.log_scale:
        return what.title
    return what.log_title or what.title + ", log" * with_scale


def _values(
    kind: str, series: Sequence[Series], preferences: Preferences, cursor: float | None
) -> list[tuple[Series, str]]:
    """Return each named curve and its value as text; overlaid runs come last."""
    out = []
    for each in sorted(series, key=lambda each: each.tag in OVERLAY):
        if each.points and (each.name or each.sign):
            value = value_at(each.points, cursor)
            text = "–" if value is None else CHART_KINDS[kind].format(value, preferences.log_scale)
            out.append((each, text))
    return out


def value_at(points: Points, x: float | None) -> float | None:
    """Return the value of the last point that is not after x, None if there is none.

    Without an x that is the newest value.
    """
    if x is None:
        return points[-1][1]
    place = bisect_right(points, x, key=lambda point: point[0])
    return points[place - 1][1] if place else None


def keys_line(
    kind: str, state: RunState, preferences: Preferences, cursor: float | None, width: int
) -> str:
    """Return the keys of the selected chart with what they have set, as far as they fit."""
    if cursor is not None:
        at = format_x(preferences.x_axis, cursor)
        items = [at, "← → move", "esc hide"]
        while len(text := " · ".join(items)) > width and len(items) > 1:
            items.pop()
        return text
    ranked = list(_ranked_keys(kind, state, preferences))
    fitting: list[tuple[int, str]] = []
    for item in ranked:
        more = [*fitting, item]
        if len(" · ".join(text for _, text in more)) <= width:
            fitting = more
    return " · ".join(text for _, text in sorted(fitting))


def _ranked_keys(kind: str, state: RunState, preferences: Preferences) -> Iterator[tuple[int, str]]:
    """Yield (place in the line, text), the most useful first."""
    what, zoom = CHART_KINDS[kind], preferences.zoom
    if what.raw and what.scores and state.learning_rate and not has_rate_changed(state):
        yield 0, f"rate {format_rate(state.learning_rate)}"
    if preferences.marks:
        yield 5, f"M {MARKS['saved']} {MARK_WORDS['saved']}"
    yield 1, "l linear" if preferences.log_scale else "l log"
    if what.raw and what.smooth:
        smoothing = preferences.smoothing
        yield 2, f"m smooth {smoothing:g}" if smoothing else "m not smoothed"
    yield 3, "z zoom" if zoom == 1 else f"z last {zoom:.0%}"
    yield 4, "c next"

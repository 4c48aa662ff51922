"""Where the panels of the Train view are, by the size of the window.

One function computes it, so that all sizes can be tested: no panel overlaps another, and none is
smaller than what it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textual.geometry import NULL_OFFSET, NULL_REGION, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable

Panel = Literal[
    "form", "accuracy", "charts", "happening", "digits", "matrix", "layer", "runs", "mission"
]

# A dashboard shows the form, the charts and the digits at once.
DASHBOARD = Size(110, 32)
# From this size on it also shows the confusion matrix, a layer and the runs.
EVERYTHING = Size(180, 50)

FORM_WIDTH = 38
ACCURACY = Size(26, 5)  # large figures of three rows with a border
# Cards of digits: 14×7 cells with a border, and 28×14 with three bars.
SMALL_CARD, LARGE_CARD = Size(20, 9), Size(30, 19)
MATRIX = Size(60, 14)
NARROWEST_CHART, SMALLEST_CHART = 34, 8  # columns and rows
MISSION_WIDTH, WIDE_MISSION, MISSION_ROWS = 44, 64, 22  # beside the charts
DASHBOARD_TOP = 15  # rows of all settings and the accuracy


@dataclass(frozen=True)
class Shown:
    """What the view shows apart from its size."""

    form: bool = True  # the form comes before the charts and the accuracy
    all_charts: bool = False  # in the place of the digits
    lines: int = 0  # of text in "What is happening", at least; more where there is space
    mission: int = 0  # rows of a mission's panel where it is above the others; 0: no mission
    run: bool = False  # there is one: a mission shows its chart beside the form


def arrange_panels(size: Size, shown: Shown) -> dict[Panel, Region]:
    """Return the region of each panel that is visible in an area of this size."""
    if is_dashboard(size):
        return _dashboard(size, shown)
    if shown.mission:
        return _below_mission(size, shown)
    return _setup(size, shown) if shown.form else _run(size, shown)


def is_dashboard(size: Size) -> bool:
    return size.width >= DASHBOARD.width and size.height >= DASHBOARD.height


def _below_mission(size: Size, shown: Shown) -> dict[Panel, Region]:
    """A small window with a mission: its panel, and the others in the rest of the window."""
    height = min(shown.mission, size.height - SMALLEST_CHART)
    rest = Size(size.width, size.height - height)
    if rest.height >= SMALL_CARD.height + 4:
        panels = _setup(rest, shown) if shown.form else _run(rest, shown)
    elif shown.form:
        panels = {"form": Region(0, 0, rest.width, rest.height)}
    else:
        beside = rest.width - ACCURACY.width
        panels = {
            "charts": Region(0, 0, beside, rest.height),
            "accuracy": Region(beside, 0, ACCURACY.width, rest.height),
        }
    placed: dict[Panel, Region] = {"mission": Region(0, 0, size.width, height)}
    for name, region in panels.items():
        placed[name] = region.translate((0, height))
    return placed


def _text_height(shown: Shown, lines: int, most: int) -> int:
    return max(4, min(max(lines, shown.lines) + 2, most))


def _setup(size: Size, shown: Shown) -> dict[Panel, Region]:
    """A small window before a run: the form beside the digits."""
    width, height = size
    text = _text_height(shown, 2, height - SMALL_CARD.height)
    top, form = height - text, min(FORM_WIDTH, width - SMALL_CARD.width)
    has_chart = shown.mission and shown.run and width - form >= NARROWEST_CHART
    return {
        "form": Region(0, 0, form, top),
        "charts" if has_chart else "digits": Region(form, 0, width - form, top),
        "happening": Region(0, top, width, text),
    }


def _run(size: Size, shown: Shown) -> dict[Panel, Region]:
    """A small window with a run: the chart beside the accuracy, and the digits below."""
    width, height = size
    if shown.all_charts:
        text = _text_height(shown, 2, height // 2)
        charts, happening = (
            Region(0, 0, width, height - text),
            Region(0, height - text, width, text),
        )
        return {"charts": charts, "happening": happening}
    text, digits = _text_height(shown, 3, height // 2), 0
    room = height - text - SMALLEST_CHART
    if room >= LARGE_CARD.height and width >= 2 * LARGE_CARD.width:
        digits = LARGE_CARD.height
    elif room >= SMALL_CARD.height:
        digits = SMALL_CARD.height
    top, beside = height - text - digits, width - ACCURACY.width
    panels: dict[Panel, Region] = {
        "charts": Region(0, 0, beside, top),
        "accuracy": Region(beside, 0, ACCURACY.width, top),
        "happening": Region(0, top, width, text),
    }
    if digits:
        panels["digits"] = Region(0, top + text, width, digits)
    return panels


def _dashboard(size: Size, shown: Shown) -> dict[Panel, Region]:
    width, height = size
    everything = is_everything(size) and not shown.all_charts
    least = MISSION_ROWS if shown.mission else DASHBOARD_TOP
    fixed = least + (MATRIX.height if everything else 0)
    text = _text_height(shown, 2 if height < 40 else 3, height - fixed - SMALL_CARD.height)
    digits = max(SMALL_CARD.height, min(LARGE_CARD.height, height - text - fixed))
    if shown.all_charts:
        digits = 0
    rest = height - text - digits
    bottom = max(MATRIX.height, min(18, rest // 2)) if everything else 0
    top = rest - bottom
    accuracy = 0 if shown.form else ACCURACY.height
    mission = 0
    if shown.mission:
        most = WIDE_MISSION if everything else MISSION_WIDTH
        mission = min(most, (width - FORM_WIDTH) // 2)
    panels: dict[Panel, Region] = {
        "form": Region(0, 0, FORM_WIDTH, top - accuracy),
        "accuracy": Region(0, top - accuracy, FORM_WIDTH, accuracy),
        "charts": Region(FORM_WIDTH, 0, width - FORM_WIDTH - mission, top),
        "happening": Region(0, top, width, text),
    }
    if mission:
        panels["mission"] = Region(width - mission, 0, mission, top)
    if shown.form:
        panels.pop("accuracy")
    if digits:
        panels["digits"] = Region(0, top + text, width, digits)
    if everything:
        y, left = height - bottom, width - MATRIX.width
        panels["matrix"] = Region(0, y, MATRIX.width, bottom)
        panels["layer"] = Region(MATRIX.width, y, left // 2, bottom)
        panels["runs"] = Region(MATRIX.width + left // 2, y, left - left // 2, bottom)
    return panels


def is_everything(size: Size) -> bool:
    """Return whether an area shows the confusion matrix, a layer and the runs too."""
    return size.width >= EVERYTHING.width and size.height >= EVERYTHING.height


class PanelArea(Widget):
    """A container whose children are placed by their ids, as a function of its size says."""

    def __init__(self, arrange: Callable[[Size], dict[Panel, Region]], *children: Widget) -> None:
        super().__init__(*children)
        self._layout_of_panels = PanelLayout(arrange)

    @property
    def layout(self) -> Layout:
        return self._layout_of_panels


class PanelLayout(Layout):
    """Places each child in the region of the panel that its id names.

    A child without a region gets none of the window, and draws nothing; it can still be focused,
    upon which the view may show it.
    """

    name = "panels"

    def __init__(self, arrange: Callable[[Size], dict[Panel, Region]]) -> None:
        self._arrange = arrange

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        regions: dict[str | None, Region] = dict(self._arrange(size).items())
        return [
            WidgetPlacement(regions.get(each.id, NULL_REGION), NULL_OFFSET, NULL_SPACING, each)
            for each in children
        ]

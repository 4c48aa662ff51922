"""The chart of a search for a learning rate, with a mark that the mouse moves."""

from dataclasses import dataclass
from time import monotonic

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.events import Click
from textual.message import Message

from core.responses.rates import RatesTried
from tui.analysis.found_rate import describe_search
from tui.charts.rate_chart import LEFT, RIGHT, build_rate_chart, rate_series
from tui.charts.series import TEST
from tui.preferences import Preferences
from tui.text.formats import format_rate
from tui.widgets.canvas import Canvas, center_text
from tui.widgets.charts.chart import (
    COLOURS,
    LABELS,
    PARTS,
    SLOW_SECONDS,
    SMALLEST,
    WIDE,
    WIDE_LABELS,
)


class RateChart(Canvas):
    """The loss over the learning rate, as far as a search is."""

    PICTURE = True
    COMPONENT_CLASSES = {f"chart--{name}" for name in PARTS.values()}

    @dataclass
    class Clicked(Message):
        """A click on the chart, at this rate."""

        rate: float

    def __init__(self) -> None:
        super().__init__()
        self._tried: RatesTried | None = None
        self._marked: float | None = None
        self._preferences = Preferences()
        self._not_before = 0.0  # time.monotonic() of the next frame on a slow connection

    def show(
        self, tried: RatesTried | None, marked: float | None, preferences: Preferences
    ) -> None:
        """Draw a search, with a mark at a rate; on a slow connection seldom until it ends."""
        self._tried, self._marked, self._preferences = tried, marked, preferences
        is_over = tried is None or tried.is_last
        if is_over or not preferences.slow or monotonic() >= self._not_before:
            self._not_before = monotonic() + SLOW_SECONDS
            self.draw()

    @property
    def _columns(self) -> int:
        return max(10, self.size.width - (WIDE_LABELS if self.size.width >= WIDE else LABELS))

    def draw(self) -> None:
        width, height = self.size
        if width < SMALLEST[0] or height < SMALLEST[1]:
            return
        tried = self._tried
        if tried is None or not tried.points:
            text = describe_search(tried) if tried and not tried.is_last else ""
            self.paint(center_text(text, self.size, self.parts["axis"]))
            return
        lines = build_rate_chart(
            tried.points, self._marked, self._preferences, self._columns, (width, height)
        )
        styles: dict[int, Style | None] = {0: None}
        styles |= {tag: self.parts[name] for tag, name in PARTS.items()}
        self.paint([[Segment(text, styles[tag]) for text, tag in line] for line in lines])

    def on_click(self, event: Click) -> None:
        at = event.x - self.content_offset.x - (self.size.width - self._columns)
        share = min(1.0, max(0.0, at / max(1, self._columns - 1)))
        self.post_message(self.Clicked(10 ** (LEFT + share * (RIGHT - LEFT))))


def rate_legend(tried: RatesTried, marked: float | None, preferences: Preferences) -> Content:
    """Return the signs of a chart with what they mean."""
    parts = []
    for each in rate_series(tried.points, marked, preferences):
        name = each.name
        if each.tag == TEST:
            what = "suggested" if marked == tried.suggestion else "chosen"
            name = f"{what}: {format_rate(marked)}"
        parts.append(Content.styled(f"{each.sign} {name}", COLOURS.get(each.tag, "$series-raw")))
    return Content("Loss  ") + Content("  ").join(parts)

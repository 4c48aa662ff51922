"""Two to four networks beside one another: their curves, their classes, and the digits that they
take for different ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.events import Digit
from tui.charts.overlay import build_overlay_series
from tui.charts.series import Series
from tui.charts.x_axis import Window
from tui.preferences import Preferences
from tui.state.run_state import LETTERS
from tui.text.digit_art import draw_bar, draw_digit
from tui.text.formats import format_percent
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.charts.chart import Chart

GAP = 2
FIGURE = 7  # 100.00%
WIDEST_BAR = 10


class RunsChart(Chart):
    """Curves of `overlaid_runs` on the axes of `run_state` (from build_overlay_frame)."""

    reading: var[bool] = var(True, init=False)

    @property
    def has_curves(self) -> bool:
        return self.run_state.started is not None

    def watch_reading(self) -> None:
        self.draw()

    def why_empty(self) -> str:
        return "reading the runs …" if self.reading else "these runs have told nothing to draw"

    def series(self, window: Window) -> list[Series]:
        return build_overlay_series(self.kind, self.overlaid_runs, self.preferences, window)

    def overlay_label(self, place: int, value: str) -> tuple[str, str]:
        return value.strip(), ""  # which letter is which run stands above


class ClassBars(Canvas):
    """Accuracy of each class, one column a network; `columns` are empty where it is not known yet.
    The best of a row is bold and has a sign."""

    COMPONENT_CLASSES = {
        "classes--text",
        "classes--quiet",
        *(f"classes--{letter}" for letter in LETTERS),
    }

    columns: var[tuple[tuple[float | None, ...], ...]] = var((), init=False)

    def watch_columns(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.size or not self.columns:
            self.paint([])
            return
        text, quiet = self.part("classes--text"), self.part("classes--quiet")
        known = [share for column in self.columns for share in column if share is not None]
        if not known:
            self.paint([[Segment("accuracy per class: not known yet", quiet)]])
            return
        # Bars from 0 on would all look the same.
        floor = min(int(min(known) * 10) / 10, 0.9)
        room = (self.size.width - 3) // len(self.columns)
        length = max(0, min(WIDEST_BAR, room - FIGURE - 1 - GAP - 1))
        width = FIGURE + 2 + length
        heads = [
            Segment(f"{letter:<{width + GAP}}", self.part(f"classes--{letter}"))
            for letter in LETTERS[: len(self.columns)]
        ]
        said = f"accuracy per class, ▸ the best; bars from {floor:.0%} to 100%"
        lines: list[StyledLine] = [[Segment(said, quiet)], [Segment("is ", quiet), *heads]]
        for number in range(10):
            line = [Segment(f"{number}  ", quiet)]
            row = [column[number] if column else None for column in self.columns]
            best = max((share for share in row if share is not None), default=None)
            for letter, share in zip(LETTERS, row, strict=False):
                line += self._cell(letter, share, best, floor, length, text)
            lines.append(line)
        self.paint(lines)

    def _cell(
        self,
        letter: str,
        share: float | None,
        best: float | None,
        floor: float,
        length: int,
        text: Style,
    ) -> StyledLine:
        first = share is not None and share == best
        filled = 0.0 if share is None else (share - floor) / (1 - floor)
        style = text + Style(bold=True) if first else text
        return [
            Segment(f"{'▸' if first else ' '}{format_percent(share):>{FIGURE}} ", style),
            Segment(draw_bar(filled, length), self.part(f"classes--{letter}")),
            Segment(" " * GAP),
        ]


@dataclass(frozen=True)
class Contested:
    """One digit, and what each network makes of it: letters and guesses."""

    digits: tuple[tuple[str, Digit], ...]


class ContestedDigits(Canvas):
    """DigitCards, each with what every network takes it for, as many as there is room for."""

    PICTURE = True
    COMPONENT_CLASSES = {f"contested--{name}" for name in ("ink", "quiet", "right", "wrong")}
    WIDTH, HEIGHT, INK = 25, 8, (14, 7)

    contested: var[tuple[Contested, ...]] = var((), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    said: var[str] = var("", init=False)

    @property
    def capacity(self) -> int:
        return self._across * max(1, (self.size.height - 1) // self.HEIGHT) if self.size else 0

    @property
    def _across(self) -> int:
        return max(1, (self.size.width + 1) // (self.WIDTH + 1))

    def watch_contested(self) -> None:
        self.draw()

    def watch_said(self) -> None:
        self.draw()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if (before.digit_style, before.ascii) != (after.digit_style, after.ascii):
            self.draw()

    def draw(self) -> None:
        if not self.size:
            return
        lines: list[StyledLine] = [[Segment(self.said, self.part("contested--quiet"))]]
        shown = self.contested[: self.capacity]
        for start in range(0, len(shown), self._across):
            cards = [self._card(each) for each in shown[start : start + self._across]]
            lines += [
                [piece for part in row for piece in _padded(part, self.WIDTH + 1)]
                for row in zip_longest(*cards, fillvalue=[])
            ]
        self.paint(lines)

    def _card(self, contested: Contested) -> list[StyledLine]:
        first = contested.digits[0][1]
        style = "ramp" if self.preferences.ascii else self.preferences.digit_style
        ink, quiet = self.part("contested--ink"), self.part("contested--quiet")
        lines: list[StyledLine] = [[Segment(f"#{first.index} is {first.label}", quiet)]]
        lines += [[Segment(row, ink)] for row in draw_digit(first.pixels, *self.INK, style)]
        for row, (letter, digit) in enumerate(contested.digits, 2):
            shade = self.part(f"contested--{'right' if digit.right else 'wrong'}")
            sign, sure = "✓" if digit.right else "✗", max(digit.probabilities())
            said = f" {letter} {sign} {digit.predicted} {sure:.0%}"
            lines[row] = [*_padded(lines[row], self.INK[0]), Segment(said, shade)]
        return lines


def _padded(line: StyledLine, width: int) -> StyledLine:
    used = sum(len(segment.text) for segment in line)
    return [*line, Segment(" " * (width - used))]

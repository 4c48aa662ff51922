"""Digits beside what the network thinks they are."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.events import Digit
from tui.drawing import bar, draw_digit, level
from tui.settings import Settings
from tui.widgets.canvas import Canvas, Line

Styles = dict[str, Style]
GAP = 2


@dataclass(frozen=True)
class Card:
    """One way to show a digit: its size in cells, and what draws it."""

    width: int
    height: int
    draw: Callable[[Digit, float, Styles], list[Line]]


def _verdict(digit: Digit, styles: Styles) -> Line:
    """Right and wrong differ by sign, words and colour."""
    if digit.right:
        return [Segment(f"✓ {digit.predicted}", styles["right"])]
    actual = "" if digit.label is None else f", is {digit.label}"
    return [Segment(f"✗ says {digit.predicted}{actual}", styles["wrong"])]


def _ink(digit: Digit, width: int, height: int, styles: Styles) -> list[Line]:
    return [[Segment(row, styles["ink"])] for row in draw_digit(digit.pixels, width, height)]


def _bar_style(digit: Digit, number: int, styles: Styles) -> Style:
    if number == digit.label:
        return styles["right"]
    return styles["wrong"] if number == digit.predicted else styles["quiet"]


def _levels(digit: Digit, temperature: float, styles: Styles) -> list[Line]:
    """Ten columns, one a class, and their numbers."""
    shares = digit.probabilities(temperature)
    marks = [
        Segment(level(share), _bar_style(digit, number, styles))
        for number, share in enumerate(shares)
    ]
    return [[Segment("  "), *marks], [Segment("  0123456789", styles["quiet"])]]


def _bars(digit: Digit, temperature: float, styles: Styles, width: int) -> list[Line]:
    """Ten rows, one a class: number, bar, percentage."""
    return [
        [
            Segment(f"{number} ", styles["quiet"]),
            Segment(bar(share, width - 7), _bar_style(digit, number, styles)),
            Segment(f"{share:5.0%}", styles["quiet"]),
        ]
        for number, share in enumerate(digit.probabilities(temperature))
    ]


def _small(digit: Digit, temperature: float, styles: Styles) -> list[Line]:
    ink = _ink(digit, 14, 7, styles)
    return [*ink, _verdict(digit, styles), *_levels(digit, temperature, styles)]


def _tall(digit: Digit, temperature: float, styles: Styles) -> list[Line]:
    ink = _ink(digit, 14, 7, styles)
    return [*ink, _verdict(digit, styles), *_bars(digit, temperature, styles, 14)]


def _large(digit: Digit, temperature: float, styles: Styles) -> list[Line]:
    head = [Segment(f"#{digit.index:<6} ", styles["quiet"]), *_verdict(digit, styles)]
    beside: list[Line] = [[], [], *_bars(digit, temperature, styles, 12), [], []]
    ink = _ink(digit, 26, 14, styles)
    return [head, *([*left, *right] for left, right in zip(ink, beside, strict=True))]


SMALL, TALL, LARGE = Card(14, 10, _small), Card(14, 18, _tall), Card(38, 16, _large)


class Digits(Canvas):
    """As many digits as there is room for, each on a card; `large` fills a whole view with them."""

    COMPONENT_CLASSES = {f"digits--{name}" for name in ("ink", "quiet", "right", "wrong")}

    digits: var[tuple[Digit, ...]] = var((), init=False)
    settings: var[Settings] = var(Settings, init=False)

    def __init__(self, waiting: str, *, large: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._waiting, self._large = waiting, large

    @property
    def card(self) -> Card:
        if self._large:
            return LARGE
        return TALL if self.size.height >= TALL.height + 1 else SMALL

    @property
    def columns(self) -> int:
        return max(1, (self.size.width + GAP) // (self.card.width + GAP))

    @property
    def capacity(self) -> int:
        """How many digits fit; none while the widget is not shown."""
        if not self.size:
            return 0
        rows = self.size.height // self.card.height
        return self.columns * max(1, rows)

    def watch_digits(self) -> None:
        self.draw()

    def watch_settings(self) -> None:
        self.draw()

    def _caption(self, styles: Styles) -> Line:
        heat = f"{self.settings.temperature:g}"
        said = (
            f"test digits, each with the network's guess and its probabilities (temperature {heat})"
        )
        return [Segment(said, styles["quiet"])]

    def draw(self) -> None:
        if not self.size:
            return
        names = ("ink", "quiet", "right", "wrong")
        styles = {name: self.part(f"digits--{name}") for name in names}
        if not self.digits:
            blank: list[Line] = [[]] * (self.size.height // 2)
            said = Segment(self._waiting.center(self.size.width), styles["quiet"])
            self.paint([*blank, [said]])
            return
        card, columns = self.card, self.columns
        shown = self.digits[: self.capacity]
        lines: list[Line] = [self._caption(styles)] if card is TALL else []
        for start in range(0, len(shown), columns):
            row = shown[start : start + columns]
            drawn = [card.draw(digit, self.settings.temperature, styles) for digit in row]
            lines += [
                [part for cell in cells for part in _padded(cell, card.width)]
                for cells in zip(*drawn, strict=True)
            ]
            lines += [[]] * (card.height - len(drawn[0]))
        self.paint(lines)


def _padded(line: Line, width: int) -> Line:
    """The line with spaces at its end, in the style of its last piece, so that they join it."""
    used = sum(len(segment.text) for segment in line)
    style = line[-1].style if line else None
    return [*line, Segment(" " * (width + GAP - used), style)]

"""Digits beside what the network thinks they are."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.responses import Digit
from tui.preferences import Preferences
from tui.text.digit_art import draw_bar, draw_digit
from tui.widgets.canvas import Canvas, StyledLine

Styles = dict[str, Style]
GAP = 2
PERCENT_WIDTH = 12  # bars this wide have their percentage beside them


@dataclass(frozen=True)
class CardStyle:
    """How a person wants to see the digits."""

    temperature: float
    style: str  # as draw_digit takes it
    plain: bool  # bars in ASCII
    styles: Styles


@dataclass(frozen=True)
class CardLayout:
    """One way to show a digit: its size in cells, and what draws it. That is also given what the
    network said it was at the epoch before, where that is something else."""

    width: int
    height: int
    draw: Callable[[Digit, int | None, CardStyle], list[StyledLine]]


def _verdict(digit: Digit, look: CardStyle) -> StyledLine:
    """Right and wrong differ by sign, words and colour."""
    if digit.right:
        return [Segment(f"✓ {digit.predicted}", look.styles["right"])]
    actual = "" if digit.label is None else f", is {digit.label}"
    return [Segment(f"✗ says {digit.predicted}{actual}", look.styles["wrong"])]


def _short_verdict(digit: Digit, look: CardStyle) -> StyledLine:
    """In 14 characters, with how sure the network really is: here are no bars to go with."""
    share = f" {max(digit.probabilities()):.0%}"
    sign, name = ("✓", "right") if digit.right else ("✗", "wrong")
    actual = "" if digit.right or digit.label is None else f", is {digit.label}"
    said = Segment(f"{sign} {digit.predicted}{actual}", look.styles[name])
    return [said, Segment(share, look.styles["quiet"])]


def _ink(digit: Digit, width: int, height: int, look: CardStyle) -> list[StyledLine]:
    rows = draw_digit(digit.pixels, width, height, look.style)
    return [[Segment(row, look.styles["ink"])] for row in rows]


def _bar_style(digit: Digit, number: int, styles: Styles) -> Style:
    if number == digit.label:
        return styles["right"]
    return styles["wrong"] if number == digit.predicted else styles["quiet"]


def _bars(digit: Digit, look: CardStyle, width: int) -> list[StyledLine]:
    """Ten rows, one a class: number, bar, and percentage where there is room for it."""
    percents = width >= PERCENT_WIDTH
    length, quiet = width - (7 if percents else 2), look.styles["quiet"]
    lines: list[StyledLine] = []
    for number, share in enumerate(digit.probabilities(look.temperature)):
        filled = draw_bar(share, length, plain=look.plain)
        percent = [Segment(f"{share:5.0%}", quiet)] if percents else []
        style = _bar_style(digit, number, look.styles)
        lines.append([Segment(f"{number} ", quiet), Segment(filled, style), *percent])
    return lines


def _small(digit: Digit, was: int | None, look: CardStyle) -> list[StyledLine]:
    return [*_ink(digit, 14, 7, look), _short_verdict(digit, look)]


def _tall(digit: Digit, was: int | None, look: CardStyle) -> list[StyledLine]:
    return [*_ink(digit, 14, 7, look), _verdict(digit, look), *_bars(digit, look, 14)]


def _large(digit: Digit, was: int | None, look: CardStyle) -> list[StyledLine]:
    head = [Segment(f"#{digit.index:<6} ", look.styles["quiet"]), *_verdict(digit, look)]
    if was is not None:
        head.append(Segment(f"  was {was}", look.styles["quiet"]))
    beside: list[StyledLine] = [[], [], *_bars(digit, look, 12), []]
    ink = _ink(digit, 26, 13, look)
    return [head, *([*left, *right] for left, right in zip(ink, beside, strict=True))]


def _compact(digit: Digit, was: int | None, look: CardStyle) -> list[StyledLine]:
    """The bars beside the digit and what is said of it, so that many fit."""
    quiet, shade = look.styles["quiet"], look.styles["right" if digit.right else "wrong"]
    share = f"{max(digit.probabilities(look.temperature)):.0%}"
    verdict = "✓ right" if digit.right else "✗ wrong"
    label = "" if digit.label is None else f"is {digit.label}"
    left: list[StyledLine] = [
        [
            Segment(f"#{digit.index} ", quiet),
            Segment(verdict, shade),
        ],
        *_ink(digit, 14, 7, look),
        [Segment(f"says {digit.predicted} {share if was is None else f'was {was}'}", shade)],
        [Segment(label, quiet)],
    ]
    return [
        [*line, Segment(" " * (15 - sum(len(each.text) for each in line))), *beside]
        for line, beside in zip(left, _bars(digit, look, 9), strict=True)
    ]


SMALL, TALL = CardLayout(14, 8, _small), CardLayout(14, 18, _tall)
# In braille a small digit has all its pixels.
LARGE, COMPACT = CardLayout(38, 14, _large), CardLayout(24, 10, _compact)


class DigitCards(Canvas):
    """As many digits as there is room for, each on a card; `large` fills a whole view with them."""

    PICTURE = True
    COMPONENT_CLASSES = {f"digits--{name}" for name in ("ink", "quiet", "right", "wrong")}

    digits: var[tuple[Digit, ...]] = var((), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    # By a digit's index: what the network said it was at the epoch before.
    earlier: var[dict[int, int]] = var(dict, init=False)
    # What is said while there are none.
    waiting: var[str] = var("", init=False)

    def __init__(self, waiting: str, *, large: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(DigitCards.waiting, waiting)
        self._large = large

    @property
    def card(self) -> CardLayout:
        if self._large:
            braille = self.preferences.digit_style == "braille" and not self.preferences.ascii
            # In a small window the large one would be cut off.
            return COMPACT if braille or self.size.height < LARGE.height else LARGE
        return TALL if self.size.height >= TALL.height + 1 else SMALL

    @property
    def columns(self) -> int:
        return max(1, (self.size.width + GAP) // (self.card.width + GAP))

    @property
    def capacity(self) -> int:
        """How many digits fit; none while the widget is not shown."""
        if not self.size:
            return 0
        rows = (self.size.height - (self.card is TALL)) // self.card.height  # that has a caption
        return self.columns * max(1, rows)

    def watch_digits(self) -> None:
        self.draw()

    def watch_earlier(self) -> None:
        self.draw()

    def watch_waiting(self) -> None:
        self.draw()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        seen = ("temperature", "digit_style", "ascii")
        if any(getattr(before, name) != getattr(after, name) for name in seen):
            self.draw()

    def _caption(self, styles: Styles) -> StyledLine:
        heat = f"{self.preferences.temperature:g}"
        said = (
            f"test digits, each with the network's guess and its probabilities (temperature {heat})"
        )
        return [Segment(said, styles["quiet"])]

    def _was(self, digit: Digit) -> int | None:
        was = self.earlier.get(digit.index)
        return None if was == digit.predicted else was

    def draw(self) -> None:
        if not self.size:
            return
        names = ("ink", "quiet", "right", "wrong")
        styles = {name: self.part(f"digits--{name}") for name in names}
        if not self.digits:
            blank: list[StyledLine] = [[]] * (self.size.height // 2)
            said = Segment(self.waiting.center(self.size.width), styles["quiet"])
            self.paint([*blank, [said]])
            return
        card, columns = self.card, self.columns
        temperature, plain = self.preferences.temperature, self.preferences.ascii
        style = "ramp" if plain else self.preferences.digit_style
        look = CardStyle(temperature, style, plain, styles)
        shown = self.digits[: self.capacity]
        lines: list[StyledLine] = [self._caption(styles)] if card is TALL else []
        for start in range(0, len(shown), columns):
            row = shown[start : start + columns]
            drawn = [card.draw(digit, self._was(digit), look) for digit in row]
            lines += [
                [part for cell in cells for part in _padded(cell, card.width)]
                for cells in zip(*drawn, strict=True)
            ]
            lines += [[]] * (card.height - len(drawn[0]))
        self.paint(lines)


def _padded(line: StyledLine, width: int) -> StyledLine:
    """The line with spaces at its end, in the style of its last piece, so that they join it."""
    used = sum(len(segment.text) for segment in line)
    style = line[-1].style if line else None
    return [*line, Segment(" " * (width + GAP - used), style)]

"""Images of digits, each with the prediction and the probability of each class."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.responses import UNLIKE_SHORT, Digit
from tui.preferences import Preferences
from tui.text.digit_art import draw_bar, draw_digit
from tui.widgets.canvas import Canvas, StyledLine, center_text, pad_line, place_side_by_side

GAP = 2  # cells between two cards
PERCENT_WIDTH = 12  # cells from which on a bar has its percentage beside it


@dataclass(frozen=True)
class CardStyle:
    temperature: float  # of the softmax
    digit_style: str  # as draw_digit takes it
    plain: bool  # bars in ASCII
    styles: dict[str, Style]  # "ink", "quiet", "right", "wrong" and "doubt"


def card_style(preferences: Preferences, styles: dict[str, Style]) -> CardStyle:
    digit_style = "ramp" if preferences.ascii else preferences.digit_style
    return CardStyle(preferences.temperature, digit_style, preferences.ascii, styles)


@dataclass(frozen=True)
class CardLayout:
    """A kind of card: its size in cells, and what returns its lines.

    That is called with the digit, the prediction at the epoch before if that was another one, and
    the style.
    """

    width: int
    height: int
    draw: Callable[[Digit, int | None, CardStyle], list[StyledLine]]


def _verdict(digit: Digit, style: CardStyle) -> StyledLine:
    """Return the prediction; right and wrong differ by sign, words and colour."""
    if digit.right:
        return [Segment(f"✓ {digit.predicted}", style.styles["right"])]
    actual = "" if digit.label is None else f" true {digit.label}"
    return [Segment(f"✗ {digit.predicted}{actual}", style.styles["wrong"])]


def image_lines(digit: Digit, width: int, height: int, style: CardStyle) -> list[StyledLine]:
    """Return the image; of one that is unlike any digit, with a sign in place of its margin."""
    rows = draw_digit(digit.pixels, width, height, style.digit_style)
    lines: list[StyledLine] = [[Segment(row, style.styles["ink"])] for row in rows]
    if digit.is_unlike:
        sign = f"! {UNLIKE_SHORT}"
        if len(sign) > width:
            sign = sign.replace(" a ", " ")
        lines[0] = [Segment(sign.ljust(width), style.styles["doubt"])]
    return lines


def bar_lines(digit: Digit, style: CardStyle, width: int) -> list[StyledLine]:
    """Return a line for each class: its number, a bar, and a percentage where it fits."""
    percents = width >= PERCENT_WIDTH
    length, styles = width - (7 if percents else 2), style.styles
    lines: list[StyledLine] = []
    for number, share in enumerate(digit.probabilities(style.temperature)):
        name = "quiet"
        if number == digit.label:
            name = "right"
        elif number == digit.predicted:
            name = "ink" if digit.label is None else "wrong"
        bar = Segment(draw_bar(share, length, plain=style.plain), styles[name])
        percent = [Segment(f"{share:5.0%}", styles["quiet"])] if percents else []
        lines.append([Segment(f"{number} ", styles["quiet"]), bar, *percent])
    return lines


def _small(digit: Digit, previous: int | None, style: CardStyle) -> list[StyledLine]:
    # There are no bars, so the probability at temperature 1 stands beside the prediction.
    share = f"{max(digit.probabilities()):.0%}"
    (verdict,) = _verdict(digit, style)
    if len(verdict.text) + 1 + len(share) > 14:  # 100%, and the true class too
        verdict = Segment(verdict.text.replace(" ", "", 1), verdict.style)
    last = [verdict, Segment(f" {share}", style.styles["quiet"])]
    return [*image_lines(digit, 14, 7, style), last]


def _tall(digit: Digit, previous: int | None, style: CardStyle) -> list[StyledLine]:
    return [*image_lines(digit, 14, 7, style), _verdict(digit, style), *bar_lines(digit, style, 14)]


def _large(digit: Digit, previous: int | None, style: CardStyle) -> list[StyledLine]:
    head = [Segment(f"#{digit.index:<6} ", style.styles["quiet"]), *_verdict(digit, style)]
    if previous is not None:
        head.append(Segment(f"  previously {previous}", style.styles["quiet"]))
    beside: list[StyledLine] = [[], [], *bar_lines(digit, style, 12), []]
    ink = image_lines(digit, 26, 13, style)
    return [head, *([*left, *right] for left, right in zip(ink, beside, strict=True))]


def _compact(digit: Digit, previous: int | None, style: CardStyle) -> list[StyledLine]:
    """Return the image and its text with the bars beside them, so that many cards fit."""
    quiet, shade = style.styles["quiet"], style.styles["right" if digit.right else "wrong"]
    share = f"{'✓' if digit.right else '✗'} {max(digit.probabilities(style.temperature)):.0%}"
    predicted = digit.predicted if previous is None else f"{previous} → {digit.predicted}"
    label = "" if digit.label is None else f"true {digit.label}"
    left: list[StyledLine] = [
        [Segment(f"#{digit.index} ", quiet), Segment(share, shade)],
        *image_lines(digit, 14, 7, style),
        [Segment(f"pred. {predicted}", shade)],
        [Segment(label, quiet)],
    ]
    return [
        [*pad_line(line, 15), *beside]
        for line, beside in zip(left, bar_lines(digit, style, 9), strict=True)
    ]


SMALL, TALL = CardLayout(14, 8, _small), CardLayout(14, 18, _tall)
# In braille an image of 14×7 cells has a dot for each of its 28×28 pixels.
LARGE, COMPACT = CardLayout(38, 14, _large), CardLayout(24, 10, _compact)


class DigitCards(Canvas):
    """As many cards as fit; `large` cards fill a whole view."""

    PICTURE = True
    COMPONENT_CLASSES = {f"digits--{name}" for name in ("ink", "quiet", "right", "wrong", "doubt")}

    digits: var[tuple[Digit, ...]] = var((), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    # The prediction at the epoch before, by a digit's index.
    previous: var[dict[int, int]] = var(dict, init=False)
    # Shown while there are no digits.
    placeholder: var[str] = var("", init=False)

    def __init__(self, placeholder: str, *, large: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(DigitCards.placeholder, placeholder)
        self._large = large

    @property
    def card(self) -> CardLayout:
        if self._large:
            braille = self.preferences.digit_style == "braille" and not self.preferences.ascii
            # In a small window a large card would be cut off.
            return COMPACT if braille or self.size.height < LARGE.height else LARGE
        return TALL if self.size.height >= TALL.height + 1 else SMALL

    @property
    def columns(self) -> int:
        return max(1, (self.size.width + GAP) // (self.card.width + GAP))

    @property
    def capacity(self) -> int:
        """How many digits fit, 0 while the widget is hidden."""
        if not self.size:
            return 0
        rows = (self.size.height - (self.card is TALL)) // self.card.height  # TALL has a caption
        return self.columns * max(1, rows)

    watch_digits = watch_previous = watch_placeholder = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        seen = ("temperature", "digit_style", "ascii")
        if any(getattr(before, name) != getattr(after, name) for name in seen):
            self.draw()

    def _previous(self, digit: Digit) -> int | None:
        before = self.previous.get(digit.index)
        return None if before == digit.predicted else before

    def draw(self) -> None:
        quiet = self.parts["quiet"]
        if not self.digits:
            self.paint(center_text(self.placeholder, self.size, quiet))
            return
        card, columns, style = self.card, self.columns, card_style(self.preferences, self.parts)
        shown = self.digits[: self.capacity]
        lines: list[StyledLine] = []
        if card is TALL:
            temperature = f"softmax temperature {self.preferences.temperature:g}"
            text = f"test digits with predictions and class probabilities ({temperature})"
            lines.append([Segment(text, quiet)])
        for start in range(0, len(shown), columns):
            row = shown[start : start + columns]
            drawn = [card.draw(digit, self._previous(digit), style) for digit in row]
            lines += place_side_by_side(drawn, card.width + GAP)
            lines += [[]] * (card.height - len(drawn[0]))
        self.paint(lines)

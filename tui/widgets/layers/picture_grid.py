"""Pictures of a layer's units: their weights, or their outputs for one digit."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.digit import Digit
from core.responses.layers import INPUT_LAYER, LayerOutput, WeightImages
from tui.preferences import Preferences
from tui.text.digit_art import draw_bar
from tui.text.formats import class_label, right_cells, widest_label
from tui.widgets.canvas import Canvas, StyledLine, pad_line
from tui.widgets.cards.card import has_greys
from tui.widgets.layers.value_pictures import (
    GAP,
    NEGATIVE,
    POSITIVE,
    SIGNED,
    GridLayout,
    Shades,
    fit_grid,
    picture_lines,
    scale_line,
    scaled,
    steps_of,
    to_values,
)

if TYPE_CHECKING:
    from tui.widgets.layers.value_pictures import Values

MOST_BARS = 32  # units that are shown as bars and not as pixels
LEAST_WEIGHTS = 9  # lines of weights of 28×28 at half their size
LABEL_WIDTH, LONGEST_LABEL = 4, 10  # columns of a unit's number or a class's name


class UnitPictures(Canvas):
    """What the two kinds of pictures have in common: the selected unit, and whether there are
    colours."""

    PICTURE = True
    LEAST: ClassVar[float] = 2  # the scale of small images, as fit_grid takes it
    COMPONENT_CLASSES = {f"pictures--{name}" for name in ("text", "quiet", "selected", "ink")}
    DEFAULT_CSS = """
    UnitPictures {
        & > .pictures--text { color: $foreground; }
        & > .pictures--ink { color: $foreground; }
        & > .pictures--quiet { color: $quiet; }
        & > .pictures--selected {
            background: $selection; color: $selection-text; text-style: bold;
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._before: dict[tuple[str, int], Values] = {}  # places in the palette, by image

    unit: var[int] = var(0, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    watch_unit = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if (before.ascii, before.slow) != (after.ascii, after.slow):
            self.draw()

    @property
    def ink(self) -> Style | None:
        """The style of characters in place of colours; None where there are enough colours."""
        return None if has_greys(self, self.preferences) else self.parts["ink"]

    @property
    def page(self) -> int:
        """How many units are shown at once."""
        return 1

    @property
    def shades(self) -> Shades:
        """The shades of the images."""
        return SIGNED

    def _heading(self, text: str, largest: float) -> StyledLine:
        quiet = self.parts["quiet"]
        legend = scale_line(largest, self.ink, quiet, self.shades)
        used = len(text) + 2 + sum(segment.cell_length for segment in legend)
        return [Segment(f"{text}  ", quiet), *(legend if used <= self.size.width else ())]

    def _layout(self, images: WeightImages) -> GridLayout:
        size = (images.width, images.height)
        return fit_grid(images.count, size, (self.size.width, self.size.height - 1), self.LEAST)

    def shown_units(self, images: WeightImages) -> tuple[int, int]:
        """Return the first unit of the page and that after its last, as far as there are images."""
        laid = self._layout(images)
        first = laid.first_of(min(self.unit, images.count - 1))
        last = min(first + laid.capacity, images.first + len(images.images))
        return max(first, images.first), last

    def grid_lines(self, images: WeightImages) -> list[StyledLine]:
        """Return the page of images with the selected unit, each above its number."""
        parts, laid = self.parts, self._layout(images)
        shown = range(*self.shown_units(images))
        lines: list[StyledLine] = []
        for start in range(0, len(shown), laid.columns):
            row = shown[start : start + laid.columns]
            drawn = [self._image(images, unit, laid.scale) for unit in row]
            for beside in zip_longest(*drawn, fillvalue=[]):
                line: StyledLine = []
                for each in beside:
                    line += [*pad_line(list(each), laid.width), Segment(" " * GAP)]
                lines.append(line)
            numbers: StyledLine = []
            for unit in row:
                style = parts["selected" if unit == self.unit else "quiet"]
                number = self.number_text(unit, laid.width)[: laid.width + 1]
                numbers += [Segment(number, style), Segment(" " * (laid.width + GAP - len(number)))]
            lines.append(numbers)
        return lines

    def number_text(self, unit: int, width: int) -> str:
        """Return the number of a unit under its image of that width."""
        return f" {unit} " if width > 4 else str(unit)

    def _image(self, images: WeightImages, unit: int, scale: float) -> list[StyledLine]:
        values = scaled(to_values(images.images[unit - images.first], images.width), scale)
        steps = self._steps((images.name, unit), values).tolist()
        return picture_lines(steps, self.ink, self.shades)

    def _steps(self, name: tuple[str, int], values: Values) -> Values:
        """Return the places of values in the palette, by those of the same image before."""
        if not self.shades.zero:
            values = 2 * values - 1
        steps = self._before[name] = steps_of(values, self._before.get(name))
        return steps


class WeightGrid(UnitPictures):
    """The weights of a layer, one image for each unit, page by page."""

    images: var[WeightImages | None] = var(None, init=False)
    placeholder: var[str] = var("", init=False)

    watch_images = watch_placeholder = Canvas.redraw

    @property
    def page(self) -> int:
        return self._layout(self.images).capacity if self.images else 1

    def draw(self) -> None:
        images = self.images
        if images is None:
            self.paint([[Segment(self.placeholder[: self.size.width], self.parts["quiet"])]])
            return
        first, last = self.shown_units(images)
        which = "" if last - first == images.count else f" {first}–{last - 1}"
        title = f"weights{which} of {images.count:,}"
        self.paint([self._heading(title, images.largest), *self.grid_lines(images)])

    def lines_for(self, width: int, height: int) -> int:
        """Return how many of so many lines the images fill."""
        if self.images is None:
            return height
        size = (self.images.width, self.images.height)
        laid = fit_grid(self.images.count, size, (width, height - 1))
        rows = min(laid.rows, -(-self.images.count // laid.columns))
        return min(height, 1 + rows * (laid.height + 1))


class OutputPictures(UnitPictures):
    """The output of a layer for one digit: bars of few units, pixels of many, or channels."""

    # Columns of a unit's number, its value and a bar that is worth its room.
    BAR_WIDTH: ClassVar[int] = 22

    output: var[LayerOutput | None] = var(None, init=False)
    digit: var[Digit | None] = var(None, init=False)
    placeholder: var[str] = var("", init=False)
    is_last: var[bool] = var(False, init=False)  # whether the units are the classes

    watch_output = watch_digit = watch_placeholder = watch_is_last = Canvas.redraw

    @property
    def page(self) -> int:
        channels = self._channels()
        return self._layout(channels).capacity if channels else max(1, self.size.width // 2)

    def _channels(self) -> WeightImages | None:
        """Return the channels as images; None for a vector."""
        output = self.output
        if output is None or len(output.shape) < 2:
            return None
        size, (height, width) = output.unit_size, (*output.shape[1:], 1)[:2]
        values = output.values
        images = tuple(values[at : at + size] for at in range(0, len(values), size))
        channels, largest = output.shape[0], output.largest
        return WeightImages(output.name, images, channels, width, height, largest, output.first)

    def lines_for(self, width: int, height: int) -> int:
        """Return how many of so many lines the output needs: for images and for the pixels of many
        units no more than half."""
        output, half = self.output, height // 2
        if output is None or len(output.shape) > 1:
            return half
        units = output.shape[0]
        needed = units if units <= MOST_BARS else -(-units // (2 * max(1, width)))
        return min(1 + needed, max(half, height - LEAST_WEIGHTS))

    def draw(self) -> None:
        output = self.output
        if output is None:
            self.paint([[Segment(self.placeholder[: self.size.width], self.parts["quiet"])]])
            return
        title = "output"
        if digit := self.digit:
            sign = "✓" if digit.right else "✗"
            what = "" if output.name == INPUT_LAYER else "output for "
            title = f"{what}image #{digit.index} {sign} {class_label(digit.predicted_name)}"
        lines = [self._heading(title, output.largest)]
        if channels := self._channels():
            lines += self.grid_lines(channels)
        elif output.shape[0] <= MOST_BARS and (bars := self._bars(output)):
            lines += bars
        else:
            lines += self._pixels(output)
        self.paint(lines)

    @property
    def _label_width(self) -> int:
        """Columns of a unit's number, or of the names of the classes."""
        names = self.digit.class_names if self.is_last and self.digit else ()
        return max(LABEL_WIDTH, widest_label(names, LONGEST_LABEL))

    def _bars(self, output: LayerOutput) -> list[StyledLine]:
        """Return a bar for each unit, in several columns where the lines are few; none if they do
        not fit."""
        units, height = output.shape[0], max(1, self.size.height - 1)
        columns = -(-units // height)
        width = (self.size.width + GAP) // columns - GAP
        if width < self.BAR_WIDTH + self._label_width - LABEL_WIDTH:
            return []
        rows = -(-units // columns)
        lines: list[StyledLine] = [[] for _ in range(rows)]
        for unit in range(units):
            bar = self._bar(output, unit, width)
            lines[unit % rows] += [*pad_line(bar, width), Segment(" " * GAP)]
        return lines

    def bar_sign(self, unit: int) -> str:
        """Return a sign before the bar of a class: of the true one, or of a wrong prediction."""
        if self.is_last and self.digit and unit in (self.digit.predicted, self.digit.label):
            return "✓" if unit == self.digit.label else "✗"
        return ""

    def _bar(self, output: LayerOutput, unit: int, width: int) -> StyledLine:
        value, parts = output.value(unit) or 0.0, self.parts
        label = self._label_width
        name = self.digit.name_of(unit) if self.is_last and self.digit else str(unit)
        is_chosen = unit == self.unit
        sign = self.bar_sign(unit)
        share = abs(value) / output.largest if output.largest else 0.0
        room = width - label - 12
        bar = draw_bar(share, room, plain=self.preferences.ascii)
        style = Style(color=POSITIVE if value > 0 else NEGATIVE) if self.ink is None else self.ink
        return [
            Segment(
                right_cells(class_label(name, label), label),
                parts["selected" if is_chosen else "text"],
            ),
            Segment(f"{sign:>2} {f'{value:.3g}'.replace('-', '−'):>8} ", parts["text"]),
            Segment(bar, style),
        ]

    def _pixels(self, output: LayerOutput) -> list[StyledLine]:
        """Return a pixel or more for each unit, in rows from the left, from a page's first on."""
        width, height = self.size.width, 2 * (self.size.height - 1)
        count, values = output.shape[0], to_values(output.values, 1)[:, 0]
        for scale in (8, 6, 4, 3, 2, 1):
            across, down = width // scale, height // scale
            if across * down >= count:
                break
        capacity = max(1, across * down)
        first = self.unit // capacity * capacity
        shown = values[max(0, first - output.first) :][:capacity]
        places = self._steps((output.name, first), shown).tolist()
        steps: list[list[int]] = []
        for at in range(0, len(places), across):
            line = [step for step in places[at : at + across] for _ in range(scale)]
            steps += [line + [-1] * (across * scale - len(line))] * scale
        return picture_lines(steps, self.ink, self.shades)

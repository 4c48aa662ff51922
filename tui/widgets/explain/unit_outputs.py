"""The output of a layer for an image: feature maps in grey, or a strip of a cell for each unit."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.responses.layers import INPUT_LAYER, LayerOutput, WeightImages
from tui.text.formats import truncate
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.layers.picture_grid import MOST_BARS, OutputPictures
from tui.widgets.layers.value_pictures import (
    GAP,
    GREYS_FROM_ZERO,
    SIGNED_GREYS,
    Shades,
    to_values,
)

OFF, HERE = "○", "▶"
ZERO = 128  # the byte of 0
DARK_STEPS = 5  # of the greys, on which a light sign is readable


class UnitOutputs(OutputPictures):
    """The outputs of a layer with a selected unit, and signs for those that are switched off."""

    BAR_WIDTH = 20
    LEAST = 1  # all feature maps of a layer are seen side by side
    COMPONENT_CLASSES = OutputPictures.COMPONENT_CLASSES | {"pictures--off"}
    DEFAULT_CSS = """
    UnitOutputs { height: 1fr; & > .pictures--off { color: $wrong; text-style: bold; } }
    """

    off: var[Collection[int]] = var(frozenset(), init=False)  # the units that are switched off

    watch_off = Canvas.redraw

    class Selected(Message):
        """A unit was clicked."""

        def __init__(self, unit: int) -> None:
            super().__init__()
            self.unit = unit

    @property
    def shades(self) -> Shades:
        """Greys; of an output without negative values from 0 on."""
        values = self.output.values if self.output else b""
        return SIGNED_GREYS if values and min(values) < ZERO else GREYS_FROM_ZERO

    # Where units are

    @property
    def _strip(self) -> tuple[int, int]:
        """The columns of a cell of a strip, and the cells in a line."""
        width, height = max(1, self.size.width), max(1, self.size.height - 1)
        count = self.output.shape[0] if self.output else 1
        for wide in (4, 3, 2, 1):
            if width // wide * height >= count:
                return wide, width // wide
        return 1, width

    @property
    def page(self) -> int:
        if self.output and len(self.output.shape) == 1:
            return self._strip[1] * max(1, self.size.height - 1)
        return super().page

    def unit_at(self, x: int, y: int) -> int | None:
        """Return the unit whose picture is there; None beside them."""
        output = self.output
        if output is None or y < 1:
            return None
        if channels := self._channels():
            laid, (first, last) = self._layout(channels), self.shown_units(channels)
            column, row = x // (laid.width + GAP), (y - 1) // (laid.height + 1)
            unit = first + row * laid.columns + column if column < laid.columns else last
        elif (bars := self._bars_shape(output)) is not None:
            rows, width = bars
            unit, last = x // (width + GAP) * rows + y - 1, output.shape[0]
            if y > rows:
                return None
        else:
            wide, across = self._strip
            first = self.unit // self.page * self.page
            unit, last = first + (y - 1) * across + x // wide, output.shape[0]
            if x // wide >= across:
                return None
        return unit if unit < last else None

    def _bars_shape(self, output: LayerOutput) -> tuple[int, int] | None:
        """Return the lines and the width of bars; None where the units are not shown as bars."""
        if output.shape[0] > MOST_BARS or not self._bars(output):
            return None
        columns = -(-output.shape[0] // max(1, self.size.height - 1))
        return -(-output.shape[0] // columns), (self.size.width + GAP) // columns - GAP

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset and (unit := self.unit_at(offset.x, offset.y)) is not None:
            self.post_message(self.Selected(unit))

    # Drawing

    def draw(self) -> None:
        output = self.output
        if output is None:
            text = truncate(self.placeholder, self.size.width)
            self.paint([[Segment(text, self.parts["quiet"])]])
            return
        lines = [self._heading(self._title(output), output.largest)]
        if channels := self._channels():
            lines += self.grid_lines(channels)
        elif output.shape[0] <= MOST_BARS and (bars := self._bars(output)):
            lines += bars
        else:
            lines += self._strip_lines(output)
        self.paint(lines)

    def _title(self, output: LayerOutput) -> str:
        if output.name == INPUT_LAYER:
            return "the image, as the network gets it"
        count = output.shape[0]
        first, last = self.unit // self.page * self.page, count
        if channels := self._channels():
            first, last = self.shown_units(channels)
        last = min(last, first + self.page)
        which = "" if last - first >= count else f" {first:,}–{last - 1:,}"
        return f"output{which} of {count:,}"

    def number_text(self, unit: int, width: int) -> str:
        sign = OFF if unit in self.off else HERE if unit == self.unit else " "
        return f"{sign}{unit}" if width > 1 else sign.strip() or str(unit)

    def bar_sign(self, unit: int) -> str:
        return OFF if unit in self.off else super().bar_sign(unit)

    def _image(self, images: WeightImages, unit: int, scale: float) -> list[StyledLine]:
        if unit not in self.off:
            return super()._image(images, unit, scale)
        laid = self._layout(images)
        blank: list[StyledLine] = [[] for _ in range(laid.height)]
        blank[laid.height // 2] = [Segment("off".center(laid.width)[: laid.width], self._off)]
        return blank

    @property
    def _off(self) -> Style:
        return self.parts["off"]

    def _strip_lines(self, output: LayerOutput) -> list[StyledLine]:
        """Return a cell for each unit of the page, in rows from the left."""
        (wide, across), page = self._strip, self.page
        first = self.unit // page * page
        values = to_values(output.values, 1)[:, 0][max(0, first - output.first) :][:page]
        steps = self._steps((output.name, first), values).tolist()
        cells = [self._strip_cell(first + at, step, wide) for at, step in enumerate(steps)]
        return [
            [
                Segment("".join(text for text, _ in run), style)
                for style, run in groupby(cells[start : start + across], lambda cell: cell[1])
            ]
            for start in range(0, len(cells), across)
        ]

    def _strip_cell(self, unit: int, step: int, wide: int) -> tuple[str, Style]:
        sign = OFF if unit in self.off else HERE if unit == self.unit else ""
        if unit == self.unit:
            return sign.center(wide), self.parts["selected"]
        if self.ink is not None:
            text = sign or self.shades.signs[step] * max(1, wide - 1)
            return text.ljust(wide), self._off if sign else self.ink
        colours = self.shades.colours
        style = Style(
            color=colours[-1 if step < DARK_STEPS else 0], bgcolor=colours[step], bold=bool(sign)
        )
        return sign.center(wide), style


def mean_value(output: LayerOutput, unit: int) -> float | None:
    """Return the value of a unit, of a channel the mean over its places; None where unknown."""
    if len(output.shape) == 1:
        return output.value(unit)
    size, place = output.unit_size, unit - output.first
    values = output.values[place * size : (place + 1) * size] if place >= 0 else b""
    if not values:
        return None
    return (sum(values) / len(values) - ZERO) / 127 * output.largest

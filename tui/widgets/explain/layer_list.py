"""The layers of an answer as a list with a selected one; in one line the selected one alone."""

from __future__ import annotations

from collections import Counter

from rich.segment import Segment
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.responses.explanations import Unit
from core.responses.layers import INPUT_LAYER, LayerOutput, NetworkDescribed
from tui.text.formats import cell_width, fit_cells, printable, truncate
from tui.widgets.canvas import Canvas
from tui.widgets.explain.unit_outputs import OFF

WIDEST_NAME = 12  # columns of names that are aligned


class LayerList(Canvas):
    """Names, kinds and shapes of the layers, and how many of their units are switched off."""

    COMPONENT_CLASSES = {f"layers--{name}" for name in ("text", "quiet", "off", "selected")}
    DEFAULT_CSS = """
    LayerList {
        & > .layers--text { color: $foreground; }
        & > .layers--quiet { color: $quiet; }
        & > .layers--off { color: $wrong; text-style: bold; }
        & > .layers--selected {
            background: $selection; color: $selection-text; text-style: bold;
        }
    }
    """

    class Selected(Message):
        """A layer was clicked; `place` is its place in the list."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    outputs: var[tuple[LayerOutput, ...]] = var((), init=False)
    network: var[NetworkDescribed | None] = var(None, init=False)
    off: var[tuple[Unit, ...]] = var((), init=False)
    selected: var[int] = var(0, init=False)

    watch_outputs = watch_network = watch_off = watch_selected = Canvas.redraw

    @property
    def _first(self) -> int:
        """The layer in the first line: those around the selected one are shown."""
        count, height = len(self.outputs), max(1, self.size.height)
        return min(max(0, self.selected - height // 2), max(0, count - height))

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if self.size.height == 1:  # the arrows at its start and end
            by = -1 if offset.x < self.size.width // 2 else 1
            place = self.selected + by
        else:
            place = self._first + offset.y
        if 0 <= place < len(self.outputs):
            self.post_message(self.Selected(place))

    def draw(self) -> None:
        shown = range(self._first, min(len(self.outputs), self._first + self.size.height))
        self.paint([self._line(place) for place in shown])

    def _line(self, place: int) -> list[Segment]:
        output, parts, is_here = self.outputs[place], self.parts, place == self.selected
        count = Counter(each.layer for each in self.off)[output.name]
        off = f"  {OFF} {count} off" if count else ""
        if self.size.height == 1:
            where = f"layer {place} of {len(self.outputs) - 1}  "
            head, style = f"↑↓ {where if place else ''}", parts["text"]
        else:
            head, style = "▶ " if is_here else "  ", parts["selected" if is_here else "text"]
        room = max(0, self.size.width - cell_width(head + off))
        text = truncate(self._text(output, room), room)
        if self.size.height > 1:
            text = fit_cells(text, room)
        return [Segment(head + text, style), Segment(off, parts["off"])]

    def _text(self, output: LayerOutput, room: int) -> str:
        """Return a layer's name, kind and shape, as much of it as fits."""
        kinds = {each.name: each.what for each in self.network.layers} if self.network else {}
        what = "image" if output.name == INPUT_LAYER else kinds.get(output.name, "")
        width = max(cell_width(printable(each.name)) for each in self.outputs)
        name, shape = printable(output.name), "×".join(map(str, output.shape))
        if self.size.height > 1 and width <= WIDEST_NAME:
            name = fit_cells(name, width)
        texts = ("  ".join(part for part in (name, what, shape) if part), f"{name}  {what}")
        return next((each for each in texts if cell_width(each) <= room), what or name)

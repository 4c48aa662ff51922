"""The layers of a network as a table: their sizes and costs, and how they train."""

import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

from rich.segment import Segment
from textual.reactive import var

from core.responses import DeadUnits, LayerNorms, NetworkDescribed, NetworkInspected
from tui.text.formats import format_size
from tui.widgets.canvas import Canvas, StyledLine

# The usual size of a step's update relative to the weights.
LOWEST, HIGHEST = 1e-4, 1e-2
FEW, MANY = 0.1, 0.5  # shares of dead ReLUs
GAP = 2
COSTS = "for one image, forward pass, float32 · memory: parameters and outputs"
TRAINING = (
    "update: size of the last step's change relative to the weights, usually 1e-4 to 1e-2 · "
    "dead: output 0 for all of {} test images"
)
NO_RUN = "Gradients, updates and dead ReLUs are shown here during training."


@dataclass(frozen=True)
class LayerColumn:
    title: str
    cells: tuple[str, ...]
    left: bool = False  # how its cells are aligned: words left, numbers right

    @property
    def width(self) -> int:
        return max(map(len, (self.title, *self.cells)))


def layer_columns(network: NetworkDescribed, *, short: bool = False) -> list[LayerColumn]:
    """Return what the layers are and cost; the last row is the total."""
    layers = network.layers
    words = [layer.kind if short else layer.what for layer in layers]
    shapes = ["×".join(map(str, layer.shape)) for layer in layers]

    def total(title: str, values: list[int], form: Callable[[int], str]) -> LayerColumn:
        return LayerColumn(title, (*map(form, values), form(sum(values))))

    return [
        LayerColumn("layer", (*(layer.name for layer in layers), "total"), left=True),
        LayerColumn("type", (*words, ""), left=True),
        LayerColumn("output", (*shapes, "")),
        total("parameters", [layer.parameters for layer in layers], _count),
        total("mult-adds", [layer.multiply_adds for layer in layers], _count),
        total("memory", [layer.bytes for layer in layers], format_size),
    ]


def _count(value: int) -> str:
    return f"{value:,}" if value else "–"


def training_columns(
    network: NetworkDescribed, inspected: NetworkInspected, updated: NetworkInspected | None
) -> list[LayerColumn]:
    """Return how the layers train; `updated` is the inspection to take the updates from."""
    now = {layer.name: layer for layer in inspected.layers}
    moved = {layer.name: layer for layer in (updated or inspected).layers}
    relus = {relu.name: relu for relu in inspected.relus}
    names = [layer.name for layer in network.layers]
    norms = [each.gradient for each in now.values() if each.gradient is not None]
    whole = _short(math.hypot(*norms)) if norms else ""
    return [
        LayerColumn("gradient", (*(gradient(now.get(name)) for name in names), whole)),
        LayerColumn("update", (*(update(moved.get(name)) for name in names), ""), left=True),
        LayerColumn("dead ReLUs", (*(dead(relus.get(name)) for name in names), ""), left=True),
    ]


def gradient(layer: LayerNorms | None) -> str:
    return "" if layer is None else "–" if layer.gradient is None else _short(layer.gradient)


def update(layer: LayerNorms | None) -> str:
    """Return the size of the update relative to the weights, marked where it is unusual."""
    if layer is None:
        return ""
    if layer.update is None or not layer.weight:
        return "–"
    ratio = layer.update / layer.weight
    text = _short(ratio, ".0e")
    if ratio < LOWEST:
        return f"{text} ▼ small"
    return text if ratio <= HIGHEST else f"{text} ▲ large"


def dead(relu: DeadUnits | None) -> str:
    """Return the share of dead units, and a word for it."""
    if relu is None:
        return ""
    share = relu.dead / relu.units
    word = "none" if not relu.dead else "few" if share < FEW else "some"
    word = "▲ many" if share >= MANY else word
    return f"{share:4.0%} {'▲ all' if relu.dead == relu.units else word}"


def _short(value: float, form: str = ".2g") -> str:
    """Return a number in few characters: 3e-4 where formatting gives 3e-04."""
    mantissa, _, exponent = format(value, form).partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


class LayerTable(Canvas):
    """One table where its width allows, else two; as high as its lines."""

    COMPONENT_CLASSES = {f"layers--{name}" for name in ("text", "quiet", "alert")}

    network: var[NetworkDescribed | None] = var(None, init=False)
    inspected: var[NetworkInspected | None] = var(None, init=False)
    updated: var[NetworkInspected | None] = var(None, init=False)

    watch_network = watch_inspected = Canvas.redraw

    def draw(self) -> None:
        lines = self._lines(self.size.width)
        if self.size.height != len(lines):
            self.styles.height = max(1, len(lines))
        self.paint(lines)

    def _lines(self, width: int) -> list[StyledLine]:
        if self.network is None:
            return []
        known = layer_columns(self.network)
        if not _fits(known, width):
            known = layer_columns(self.network, short=True)
        if self.inspected is None:
            return [*self._table(known, width), *self._notes(width, COSTS, NO_RUN)]
        live = training_columns(self.network, self.inspected, self.updated)
        live = [column for column in live if any(column.cells)]
        training = TRAINING.format(self.inspected.tried)
        if _fits([*known, *live], width):
            return [*self._table([*known, *live], width), *self._notes(width, COSTS, training)]
        # Leave out the rows whose cells are all empty.
        filled = [any(cells) for cells in zip(*(each.cells for each in live), strict=True)]
        second = [
            LayerColumn(each.title, tuple(compress(each.cells, filled)), each.left)
            for each in (*known[:2], *live)
        ]
        return [
            *self._table(known, width),
            *self._notes(width, COSTS),
            [],
            *self._table(second, width),
            *self._notes(width, training),
        ]

    def _table(self, columns: list[LayerColumn], width: int) -> list[StyledLine]:
        """Return a line of titles and one for each row."""
        gap = " " * (GAP if _fits(columns, width) else 1)
        lines: list[StyledLine] = []
        titles = [column.title for column in columns]
        for cells in (titles, *zip(*(column.cells for column in columns), strict=True)):
            line = [Segment(" ")]
            for column, text in zip(columns, cells, strict=True):
                padded = text.ljust(column.width) if column.left else text.rjust(column.width)
                part = "alert" if "▲" in text or "▼" in text else "text" if lines else "quiet"
                line.append(Segment(padded + gap, self.parts[part]))
            lines.append(line)
        return lines

    def _notes(self, width: int, *notes: str) -> list[StyledLine]:
        lines = [line for note in notes for line in textwrap.wrap(note, max(20, width - 2))]
        return [[Segment(f" {line}", self.parts["quiet"])] for line in lines]


def _fits(columns: list[LayerColumn], width: int) -> bool:
    return 1 + sum(column.width for column in columns) + GAP * (len(columns) - 1) <= width

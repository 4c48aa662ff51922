"""The layers of a network as a table with a selected row: their costs, and how they train."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.responses.layers import INPUT_LAYER, UNTRAINED, NetworkDescribed, NetworkInspected
from tui.text.formats import format_size
from tui.widgets.canvas import Canvas, StyledLine, pad_line
from tui.widgets.layers.layer_text import dead, gradient, update, whole_gradient

GAP = 2
NAMES = "layer: its name in the state dict, as in {}.weight"
COSTS = "for one image, forward pass, float32 · memory: parameters and outputs"
TRAINING = (
    "update: size of the last step's change relative to the weights, usually 1e-4 to 1e-2 · "
    "dead: output 0 for all of {} test images"
)
LAST = "gradient: of the last step of training"
NO_RUN = "Gradients and updates appear during training."
ALERTS = "▲▼"


@dataclass(frozen=True)
class LayerColumn:
    """A column with a cell for the input, for each layer and for the total."""

    title: str
    cells: tuple[str, ...]
    left: bool = False  # how its cells are aligned: words left, numbers right

    @property
    def width(self) -> int:
        return max(map(len, (self.title, *self.cells)))


def layer_columns(network: NetworkDescribed) -> dict[str, LayerColumn]:
    """Return what the layers are and cost, by title; "type" has a long form too."""
    layers = network.layers
    shapes = ["×".join(map(str, shape)) for shape in (network.input, *(e.shape for e in layers))]

    def total(title: str, values: list[int], form: Callable[[int], str]) -> LayerColumn:
        return LayerColumn(title, ("", *map(form, values), form(sum(values))))

    kinds, words = ([getattr(layer, name) for layer in layers] for name in ("kind", "what"))
    columns = [
        LayerColumn("layer", (INPUT_LAYER, *(layer.name for layer in layers), "total"), left=True),
        LayerColumn("type", ("image", *kinds, ""), left=True),
        LayerColumn("output", (*shapes, "")),
        total("parameters", [layer.parameters for layer in layers], _count),
        total("mult-adds", [layer.multiply_adds for layer in layers], _count),
        total("memory", [layer.bytes for layer in layers], format_size),
    ]
    found = {column.title: column for column in columns}
    return found | {"long type": LayerColumn("type", ("image", *words, ""), left=True)}


def _count(value: int) -> str:
    return f"{value:,}" if value else "–"


def training_columns(
    network: NetworkDescribed, inspected: NetworkInspected, updated: NetworkInspected | None
) -> dict[str, LayerColumn]:
    """Return how the layers train, by title, as far as it is known; `updated` is the inspection to
    take the updates from."""
    now = {layer.name: layer for layer in inspected.layers}
    moved = {layer.name: layer for layer in (updated or inspected).layers}
    relus = {relu.name: relu for relu in inspected.relus}
    names = [layer.name for layer in network.layers]
    slopes = [gradient(now.get(name)) for name in names]
    updates = [update(moved.get(name)) for name in names]
    shares = [dead(relus.get(name)) for name in names]
    both = [
        f"dead {share.strip()}" if share else change
        for change, share in zip(updates, shares, strict=True)
    ]
    columns = [
        LayerColumn("gradient", ("", *slopes, whole_gradient(inspected))),
        LayerColumn("update", ("", *updates, ""), left=True),
        LayerColumn("dead ReLUs", ("", *shares, ""), left=True),
        LayerColumn("update, dead", ("", *both, ""), left=True),
    ]
    return {each.title: each for each in columns if {*each.cells} - {"", "–"}}


class LayerTable(Canvas):
    """As many columns as fit; the rows around the selected one."""

    COMPONENT_CLASSES = {f"layers--{name}" for name in ("text", "quiet", "alert", "selected")}
    DEFAULT_CSS = """
    LayerTable {
        & > .layers--text { color: $foreground; }
        & > .layers--quiet { color: $quiet; }
        & > .layers--alert { color: $text-warning; }
        & > .layers--selected {
            background: $selection; color: $selection-text; text-style: bold;
        }
    }
    """

    network: var[NetworkDescribed | None] = var(None, init=False)
    inspected: var[NetworkInspected | None] = var(None, init=False)
    updated: var[NetworkInspected | None] = var(None, init=False)
    selected: var[int] = var(0, init=False)

    watch_network = watch_inspected = watch_updated = watch_selected = Canvas.redraw

    class Selected(Message):
        """A layer was clicked; position 0 is the input."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self.border_title = "Layers"
        self._first = 0  # the row at the top

    def on_click(self, event: Click) -> None:
        content = event.get_content_offset(self)
        row = self._first + content.y - 1 if content and content.y else -1
        if self.network and 0 <= row <= len(self.network.layers):
            self.post_message(self.Selected(row))

    def draw(self) -> None:
        network, height = self.network, self.size.height
        if network is None:
            self.paint([])
            return
        total = f"{sum(each.parameters for each in network.layers):,} parameters"
        if self.border_subtitle != total:  # setting it draws all of the table again
            self.border_subtitle = total
        columns = self._columns(network)
        rows = list(zip(*(column.cells for column in columns), strict=True))
        if "parameters" not in [column.title for column in columns]:
            del rows[-1]  # there is nothing to total
        room = max(1, height - 1)
        last = max(0, len(rows) - room)
        if not self._first <= self.selected < self._first + room:
            self._first = self.selected - room // 2
        self._first = min(max(0, self._first), last)
        lines = [self._line(columns, [column.title for column in columns], "quiet")]
        for place, cells in enumerate(rows[self._first : self._first + room], self._first):
            is_selected = place == self.selected
            line = self._line(columns, list(cells), "selected" if is_selected else "text")
            lines.append(line)
        notes = self._notes(columns)
        if height - len(lines) >= len(notes) + 1:
            lines += [[], *notes]
        self.paint(lines)

    def _columns(self, network: NetworkDescribed) -> list[LayerColumn]:
        """Return the columns that fit, the most important ones first."""
        known = layer_columns(network)
        live = {}
        if self.inspected is not None:
            live = training_columns(network, self.inspected, self.updated)
        full = ("layer", "long type", "output", "parameters", "mult-adds", "memory")
        trains = ("gradient", "update", "dead ReLUs")
        short = ("layer", "type", "output", "parameters")
        for names in (
            (*full, *trains),
            ("layer", "type", *full[2:], *trains),
            (*short, "mult-adds", *trains),
            (*short, *trains),
            (*short, "gradient", "update, dead"),
            (*short[:3], "gradient", "update, dead"),
            short,
            short[:3],
            short[:2],
        ):
            found = [(known | live)[name] for name in names if name in known | live]
            if _fits(found, self.size.width):
                break
        return found

    def _line(self, columns: list[LayerColumn], cells: list[str], part: str) -> StyledLine:
        """Return a row; in one that is not selected, what is unusual has another colour."""
        line = [Segment(" ", self.parts[part])]
        for column, text in zip(columns, cells, strict=True):
            padded = text.ljust(column.width) if column.left else text.rjust(column.width)
            is_alert = part == "text" and any(sign in text for sign in ALERTS)
            line.append(Segment(padded, self.parts["alert" if is_alert else part]))
            if column is not columns[-1]:
                line.append(Segment(" " * GAP, self.parts[part]))
        return pad_line(line, self.size.width)

    def _notes(self, columns: list[LayerColumn]) -> list[StyledLine]:
        titles = [column.title for column in columns]
        network, inspected = self.network, self.inspected
        weighted = [layer.name for layer in network.layers if layer.parameters] if network else []
        notes = [NAMES.format(weighted[-1])] if weighted else []
        if "memory" in titles:
            notes.append(COSTS)
        if inspected and any(title.startswith("update") for title in titles):
            notes.append(TRAINING.format(inspected.tried))
        elif inspected and "gradient" in titles:
            notes.append(LAST)
        elif inspected and inspected.source == UNTRAINED:
            notes.append(NO_RUN)
        lines = [
            line for note in notes for line in textwrap.wrap(note, max(20, self.size.width - 2))
        ]
        return [[Segment(f" {line}", self.parts["quiet"])] for line in lines]


def _fits(columns: list[LayerColumn], width: int) -> bool:
    return 1 + sum(column.width for column in columns) + GAP * (len(columns) - 1) <= width

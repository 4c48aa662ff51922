"""The selected layer of a network: its weights and, for one test digit, its output."""

from __future__ import annotations

import textwrap

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static

from core.class_names import DIGITS
from core.commands import Inspect
from core.config import TrainConfig
from core.responses.layers import INPUT_LAYER, Layer, NetworkDescribed, NetworkInspected
from tui.preferences import Preferences
from tui.state.app_state import AppState
from tui.state.inspection import NetworkKey, describe_inspection, find_inspection, shown_network
from tui.state.run_state import RunState
from tui.text.formats import class_label
from tui.widgets.layers.layer_text import (
    INPUT_TEXT,
    costs,
    explain,
    first_weighted,
    pack,
    training,
)
from tui.widgets.layers.picture_grid import LONGEST_LABEL, OutputPictures, WeightGrid

BESIDE = 66  # columns from which on the two pictures stand side by side, in few lines
STACKED = 26  # lines from which on they stand one above the other
TALL = 24  # lines from which on the kind of layer is explained


class LayerPanel(Container):
    """Shows a layer of the network that trains, or of the next or the last run.

    While the view in front shows one, the app requests what it needs. A view binds `run_state`,
    `app_state`, `preferences` and `config`.
    """

    DEFAULT_CSS = """
    LayerPanel {
        layout: vertical;
        #layer-text { height: auto; color: $foreground; }
        WeightGrid, OutputPictures { height: 1fr; width: 1fr; }
        &.-tall WeightGrid { margin: 0 0 1 0; }
        #pictures { height: 1fr; layout: vertical; }
        &.-beside #pictures { layout: horizontal; }
        &.-beside WeightGrid { margin: 0 2 0 0; }
        &.-weightless WeightGrid { display: none; }
    }
    """

    run_state: var[RunState] = var(RunState, init=False)
    app_state: var[AppState] = var(AppState, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    config: var[TrainConfig] = var(TrainConfig, init=False)
    # The layer's position; 0 is the input, and a negative one the first layer with weights.
    position: var[int] = var(-1, init=False)
    unit: var[int] = var(0, init=False)
    index: var[int] = var(0, init=False)  # of the test digit

    class Shown(Message):
        """The panel shows another layer, another inspection or another network."""

    # The keys that the border names; a view that has others for the same sets it.
    KEYS = "↑↓ layer · ←→ unit · # image"

    def __init__(self, *, opened: str | None = None, keys: str = KEYS) -> None:
        """`opened` is a checkpoint's path, to show its network and not that of the run."""
        super().__init__(classes="panel")
        self._opened = opened
        self._title, self._lines = "", [""]
        self.border_subtitle = keys

    def compose(self) -> ComposeResult:
        yield Static(id="layer-text")
        with Container(id="pictures"):
            yield WeightGrid().data_bind(LayerPanel.preferences, LayerPanel.unit)
            yield OutputPictures().data_bind(LayerPanel.preferences, LayerPanel.unit)

    # What is shown

    @property
    def is_shown(self) -> bool:
        return bool(self.size) and self.is_on_screen

    @property
    def key(self) -> NetworkKey | None:
        """The network; None until the checkpoint that is opened has been read."""
        if self._opened:
            found = self.inspected
            return NetworkKey(found.arch, found.classes) if found else None
        return shown_network(self.run_state, self.config)

    @property
    def inspected(self) -> NetworkInspected | None:
        """The newest inspection of the network, maybe of another layer than the selected one."""
        if self._opened:
            found = self.app_state.inspected
            return found if found and found.source == self._opened else None
        network = shown_network(self.run_state, self.config)
        return find_inspection(self.run_state, self.app_state, network)

    @property
    def network(self) -> NetworkDescribed | None:
        return self.app_state.network_of(*self.key) if self.key else None

    @property
    def selected(self) -> int:
        """The position of the selected layer."""
        if self.network is None:
            return 0
        if self.position < 0:
            return first_weighted(self.network)
        return min(self.position, len(self.network.layers))

    @property
    def selected_layer(self) -> Layer | None:
        """The selected layer; None for the input."""
        return self.network.layers[self.selected - 1] if self.network and self.selected else None

    @property
    def request(self) -> Inspect:
        """What is to be requested of the network."""
        if self.network is None:
            return Inspect("", self.index, self.unit)
        name = self.selected_layer.name if self.selected_layer else INPUT_LAYER
        return Inspect(name, self.index, self.unit)

    @property
    def units(self) -> int:
        """The units or channels of the selected layer."""
        if self.network is None:
            return 1
        return (self.selected_layer.shape if self.selected_layer else self.network.input)[0]

    @property
    def step_text(self) -> str:
        """The step at which the network is shown."""
        return describe_inspection(self.inspected) if self.inspected else ""

    # Selecting

    def select(self, position: int) -> None:
        """Select a layer by its position; 0 is the input."""
        if self.network is not None:
            position = min(max(0, position), len(self.network.layers))
            if position != self.selected:
                self.unit = 0
            self.position = position

    def step_unit(self, by: int, *, pages: bool = False) -> None:
        """Select the unit or channel so many places or pages further."""
        if pages:
            grid = self.query_one(WeightGrid)
            pictures = grid if grid.display and grid.images else self.query_one(OutputPictures)
            by *= pictures.page
        self.unit = min(max(0, self.unit + by), self.units - 1)

    # Showing

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        names = ("inspected", "gradients", "updated", "phase", "started", "checkpoint")
        if any(getattr(before, name) is not getattr(after, name) for name in names):
            self.show()

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.networks is not after.networks or before.inspected is not after.inspected:
            self.show()

    def watch_config(self, before: TrainConfig, after: TrainConfig) -> None:
        if (before.arch, before.dataset) != (after.arch, after.dataset):
            self.position, self.unit = -1, 0
            self.show()

    def watch_position(self) -> None:
        self.show()

    def watch_unit(self) -> None:
        self.show()

    def on_resize(self) -> None:
        is_wide = self.size.width >= BESIDE and self.size.height < STACKED
        self.set_class(is_wide, "-beside")
        self.show()

    def show(self) -> None:
        if not self.is_mounted:
            return
        if self.network is None:
            self._set_title("Reading weights…")
            return
        layer, inspected = self.selected_layer, self.inspected
        name = layer.name if layer else INPUT_LAYER
        known = inspected if inspected and inspected.layer == name else None
        weights, output = self.query_one(WeightGrid), self.query_one(OutputPictures)
        self._set_title(f"{layer.name}  {layer.what}" if layer else INPUT_LAYER)
        lines = self._text(layer, known)
        self._set_lines(lines)
        self.set_class(not (layer and layer.parameters), "-weightless")
        weights.placeholder = "Reading weights…" if known is None else "No weights to draw"
        output.placeholder = self._missing_output(known)
        output.is_last = self.selected == len(self.network.layers)
        weights.images = known.weights if known else None
        output.digit = known.digit if known else None
        output.output = known.output if known else None
        self._divide(self.size.height - len(lines))
        self.post_message(self.Shown())

    def _divide(self, height: int) -> None:
        """Give the output the lines that it fills, and the weights no more than theirs."""
        weights, output = self.query_one(WeightGrid), self.query_one(OutputPictures)
        self.set_class(self.size.height >= TALL, "-tall")
        if self.has_class("-beside") or not weights.images:
            weights.styles.height = "1fr"
            return
        free = height - (self.size.height >= TALL)  # a blank line
        needed = output.lines_for(self.size.width, free)
        weights.styles.height = weights.lines_for(self.size.width, free - needed)

    def _set_title(self, title: str) -> None:
        """Set the title, unless it is the same: that draws the whole panel again."""
        if self._title != title:
            self._title, self.border_title = title, Content(title)

    def _set_lines(self, lines: list[str]) -> None:
        if self._lines != lines:
            is_higher = len(self._lines) != len(lines)
            self.query_one(Static).update(Content("\n".join(lines)), layout=is_higher)
            self._lines = lines

    def _text(self, layer: Layer | None, known: NetworkInspected | None) -> list[str]:
        """Return the lines above the pictures: more of them where there is room."""
        width, name = self.size.width, layer.name if layer else INPUT_LAYER
        what = explain(layer) if layer else INPUT_TEXT
        lines = textwrap.wrap(what, max(20, width)) if self.size.height >= TALL else []
        parts = [self.step_text] if self.step_text else []
        parts += costs(layer) if layer else []
        if known:
            updated = self.run_state.updated if known.source is None else None
            parts += training(name, known, updated)
            parts += self._unit_parts(known)
        return lines + pack(parts, width)

    def _unit_parts(self, known: NetworkInspected) -> list[str]:
        """Return the value and the bias of the selected unit."""
        output, weights, unit = known.output, known.weights, self.unit
        kind = "channel" if output and len(output.shape) > 1 else "unit"
        parts = [f"{kind} {unit} of {self.units:,}"] if self.units > 1 else []
        is_last = self.network and self.selected == len(self.network.layers)
        if known.digit and is_last and known.digit.class_names != DIGITS:
            parts.append(f"class {class_label(known.digit.name_of(unit), LONGEST_LABEL)}")
        value = output.value(unit) if output else None
        if value is not None:
            parts.append(f"output {value:.3g}")
        place = unit - weights.first if weights else -1
        if weights and 0 <= place < len(weights.biases):
            parts.append(f"bias {weights.biases[place]:.2g}")
        return parts

    def _missing_output(self, known: NetworkInspected | None) -> str:
        if known is None:
            return "Reading outputs…"
        return "Test images are not on this machine yet." if known.digit is None else ""

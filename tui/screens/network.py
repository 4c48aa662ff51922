"""The Network view: the network drawn, its layers, and the selected one's weights and output."""

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from tui.help import NETWORK_HELP
from tui.screens.base import View
from tui.screens.captions import set_text
from tui.state.summaries import NOT_STARTED, describe_untrained
from tui.text.formats import class_labels, printable
from tui.text.settings import network_name
from tui.widgets.layer_panel import LayerPanel
from tui.widgets.layers.layer_table import LayerTable
from tui.widgets.layers.network_diagram import NetworkDiagram

LABELS_WIDTH = 24  # columns of the names of two classes in the border


class NetworkView(View):
    """The network that is training, or the next one, or, after a run, as the run left it."""

    MODE = "network"
    VIEW_HELP = NETWORK_HELP
    CSS_PATH = "network.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("down,j", "layer(1)", "Row", key_display="↑ ↓"),
        Binding("up,k", "layer(-1)", "Row", show=False),
        Binding("g,home", "end(0)", "First", show=False),
        Binding("G,end", "end(-1)", "Last", show=False),
        Binding("right", "unit(1)", "Page", key_display="← →"),
        Binding("left", "unit(-1)", "Page", show=False),
        Binding("pagedown", "unit(1, True)", "Page", show=False),
        Binding("pageup", "unit(-1, True)", "Page", show=False),
        Binding("number_sign", "go_to", "Go to", key_display="#"),
        Binding("v", "drawing", "Layout"),
        Binding("escape", "back", "Back"),
    ]

    def __init__(self, opened: str | None = None, title: str = "") -> None:
        """`opened` is a checkpoint's path, to show its network, above another view."""
        super().__init__()
        self.opened_path, self._title = opened, title
        if opened:
            self.MODE = "checkpoints"

    def body(self) -> ComposeResult:
        with Horizontal(id="network"):
            with Vertical(id="left"):
                yield NetworkDiagram().data_bind(View.preferences)
                yield LayerTable()
            panel = LayerPanel(opened=self.opened_path)
            yield panel.data_bind(View.run_state, View.app_state, View.preferences, View.config)
        yield Static(id="missing")

    def on_mount(self) -> None:
        super().on_mount()
        if self.opened_path:
            stem = printable(Path(self.opened_path).stem)
            self.query_one(LayerTable).border_title = Content(f"Layers of {stem}")

    @on(LayerPanel.Shown)
    def _panel_shown(self) -> None:
        self.attempt("show", self.show)

    def show(self) -> None:
        """Show in the other parts what the panel shows, which follows the state."""
        panel = self.query_one(LayerPanel)
        table, diagram = self.query_one(LayerTable), self.query_one(NetworkDiagram)
        inspected = panel.inspected
        is_live = inspected is not None and inspected.source is None
        table.updated = self.run_state.updated if is_live else None
        table.network, table.inspected = panel.network, inspected
        table.selected = diagram.selected = panel.selected
        diagram.network = panel.network
        diagram.digit = inspected.digit if inspected else None
        diagram.status = panel.step_text
        name = network_name(panel.key.spec) if panel.key else ""
        diagram.set_titles(self._title or f"Network {name}", self._digit_text(panel))
        set_text(self, "#missing", self._missing(panel))
        self.query_one("#missing").display = bool(self._missing(panel))

    def _digit_text(self, panel: LayerPanel) -> str:
        digit = panel.inspected.digit if panel.inspected else None
        if digit is None:
            return ""
        sign = "✓" if digit.right else "✗"
        names = [digit.predicted_name]
        if digit.label is not None and not digit.right:
            names.append(digit.name_of(digit.label))
        return f"image #{digit.index} {sign} {', is '.join(class_labels(names, LABELS_WIDTH))}"

    def _missing(self, panel: LayerPanel) -> str:
        """Return why there is less to see; mostly nothing."""
        state, opened = self.run_state, self.app_state.opened
        if opened and opened.error and opened.path in (self.opened_path, state.checkpoint):
            return f" ✗ {printable(opened.error)}"
        if state.has_not_started:
            return f" {NOT_STARTED} {printable(state.message)}"
        if panel.inspected and panel.inspected.digit is None:
            return f" {describe_untrained(state, self.config.dataset)}".rstrip()
        return ""

    # Selecting

    @on(LayerTable.Selected)
    def _select(self, message: LayerTable.Selected) -> None:
        self._change(message.position)

    def action_layer(self, by: int) -> None:
        self._change(self.query_one(LayerPanel).selected + by)

    def action_end(self, position: int) -> None:
        network = self.query_one(LayerPanel).network
        if network:
            self._change(len(network.layers) if position < 0 else position)

    def _change(self, position: int) -> None:
        self.query_one(LayerPanel).select(position)
        self.mnist.request_digits(at_once=True)

    def action_unit(self, by: int, pages: bool = False) -> None:
        self.query_one(LayerPanel).step_unit(by, pages=pages)
        self.mnist.request_digits(at_once=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.opened_path is not None or action != "back"

    def action_back(self) -> None:
        """Return to the view of the checkpoint."""
        self.app.pop_screen()

    def action_drawing(self) -> None:
        """In a small window, show the drawing in place of the table and the layer."""
        self.toggle_class("-drawing")

    def action_go_to(self) -> None:
        from tui.screens.number_dialogs import GotoDialog

        panel = self.query_one(LayerPanel)
        samples = panel.inspected.samples if panel.inspected else 0

        def go(index: int | None) -> None:
            if index is not None:
                panel.index = index
                self.mnist.request_digits(at_once=True)

        if samples:
            self.app.push_screen(GotoDialog(samples), go)
        else:
            self.notify("Test images are not on this machine yet.")

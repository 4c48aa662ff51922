"""The Network view: the layers, their gradients and updates, and weights as images."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from core.commands import DescribeNetwork
from core.responses import NetworkDescribed, NetworkInspected
from tui.help import NETWORK_HELP
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.captions import set_text
from tui.state.app_state import AppState
from tui.state.summaries import NOT_STARTED
from tui.widgets.canvas import Canvas
from tui.widgets.charts.network_diagram import NetworkDiagram
from tui.widgets.charts.weight_images import WeightGrid
from tui.widgets.layer_table import LayerTable


class NetworkView(View):
    """The network that is training, or else the one that is selected in the form."""

    MODE = "network"
    INSPECTS = True
    VIEW_HELP = NETWORK_HELP
    SEEN = ("inspected", "phase", "started")
    CSS_PATH = "network.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("down,pagedown", "part(1)", "Parts", key_display="↑ ↓"),
        Binding("up,pageup", "part(-1)", "Parts", show=False),
        Binding("left", "turn(-1)", "Previous weights", key_display="←", show=False),
        Binding("right", "turn(1)", "Weights", key_display="← →"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._requested = ""

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        with VerticalScroll(id="page", can_focus=False):
            with Container(id="top"):
                yield NetworkDiagram()
                yield WeightGrid()
            yield LayerTable()

    @property
    def arch(self) -> str:
        started = self.run_state.started
        return started.arch if started and self.run_state.is_active else self.mnist.config.arch

    @property
    def network(self) -> NetworkDescribed | None:
        """The description of the network, once the engine has sent it."""
        described = self.app_state.network
        return described if described and described.arch == self.arch else None

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.network is not after.network:
            self.show()

    def watch_preferences(self, preferences: Preferences) -> None:
        self.show()

    def show(self) -> None:
        state, network = self.run_state, self.network
        if network is None and self._requested != self.arch:
            self._requested = self.arch
            self.mnist.send(DescribeNetwork(self.arch))
        # Diagnostics of an earlier run may be of another network.
        own = state.started is not None and state.started.arch == self.arch
        inspected = state.inspected if own else None
        table, weights = self.query_one(LayerTable), self.query_one(WeightGrid)
        self.query_one(NetworkDiagram).network = network
        table.updated = state.updated if own else None
        table.network, table.inspected = network, inspected
        weights.images = inspected.weights if inspected else None
        set_text(self, "#caption", f" {self._caption(inspected)}")

    def _caption(self, inspected: NetworkInspected | None) -> str:
        updated = self.run_state.updated
        if not inspected:
            state = self.run_state
            waiting = "Reading weights…" if state.is_active else "press space to train"
            if state.has_not_started:
                waiting = NOT_STARTED
            return f"{self.arch}: {waiting}"
        caption = f"{self.arch} at step {inspected.step:,}"
        if updated and updated.step != inspected.step:
            caption += f", updates of step {updated.step:,}"
        return caption

    def action_part(self, by: int) -> None:
        """Scroll to the start of the next part, or by a screen if it is further away."""
        page = self.query_one("#page", VerticalScroll)
        here, screenful = page.scroll_offset.y, max(1, page.size.height - 2)
        tops = [each.region.y - page.region.y + here for each in page.query(Canvas)]
        if by > 0:
            target = min([here + screenful, *(top for top in tops if top > here)])
        else:
            target = max([here - screenful, *(top for top in tops if top < here)])
        page.scroll_to(y=target, animate=False)

    def action_turn(self, pages: int) -> None:
        self.query_one(WeightGrid).turn(pages)

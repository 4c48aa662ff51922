"""The diagram of a network, with a digit in its input and the selected layer."""

from rich.segment import Segment
from textual.content import Content
from textual.events import Click
from textual.reactive import var

from core.digit import Digit
from core.responses.layers import NetworkDescribed
from tui.preferences import Preferences
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.cards.card import card_style, image_lines
from tui.widgets.layers.layer_table import LayerTable
from tui.widgets.layers.network_drawing import LABELS, ROWS, Block, Shown, draw_network

READING = " ● unit · ┊ more units · ▭ channel"


class NetworkDiagram(Canvas):
    """The network from its input on the left to its output on the right."""

    PICTURE = True
    COMPONENT_CLASSES = {
        f"diagram--{name}"
        for name in ("shape", "behind", "lines", "text", "quiet", "ink", "chosen", "selected")
    }
    DEFAULT_CSS = """
    NetworkDiagram {
        & > .diagram--shape { color: $text-primary; }
        & > .diagram--behind { color: $text-primary 60%; }
        & > .diagram--lines { color: $foreground 40%; }
        & > .diagram--text, & > .diagram--ink { color: $foreground; }
        & > .diagram--quiet { color: $quiet; }
        & > .diagram--chosen { color: $foreground; text-style: bold; }
        & > .diagram--selected {
            background: $selection; color: $selection-text; text-style: bold;
        }
    }
    """

    network: var[NetworkDescribed | None] = var(None, init=False)
    digit: var[Digit | None] = var(None, init=False)
    selected: var[int] = var(0, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    status: var[str] = var("", init=False)  # the step, at the lower right

    watch_network = watch_digit = watch_selected = watch_status = Canvas.redraw

    def __init__(self, names: tuple[str, ...] | None = None) -> None:
        """`names` are those of the classes, of a network that is shown without a digit."""
        super().__init__(classes="panel")
        self._names = names
        self._titles = "", ""
        self._starts: dict[int, Block] = {}

    def set_titles(self, title: str, subtitle: str) -> None:
        """Set the titles, unless they are the same: that draws all of it again."""
        if self._titles != (title, subtitle):
            self._titles = title, subtitle
            self.border_title, self.border_subtitle = Content(title), Content(subtitle)

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        seen = ("digit_style", "ascii", "slow")
        if any(getattr(before, name) != getattr(after, name) for name in seen):
            self.draw()

    def on_click(self, event: Click) -> None:
        """Select the layer that was clicked; again, the next one drawn in the same place."""
        content = event.get_content_offset(self)
        if content is None:
            return
        starts = [start for start in self._starts if start <= content.x - 1]
        if starts and (places := self._starts[max(starts)].positions):
            at = places.index(self.selected) + 1 if self.selected in places else 0
            self.post_message(LayerTable.Selected(places[at % len(places)]))

    def draw(self) -> None:
        lines: list[StyledLine] = []
        if self.network is not None:
            shown = Shown(self.selected)
            if self._names:
                shown = Shown(self.selected, names=self._names, has_digit=False)
            if digit := self.digit:
                style = card_style(self, self.preferences)
                shown = Shown(
                    self.selected,
                    lambda width, height: image_lines(digit, width, height, style),
                    tuple(digit.probabilities()),
                    digit.predicted,
                    digit.class_names,
                )
            above = self.size.height - ROWS - LABELS
            lines += [[]] * ((above - 1) // 2)
            picture, self._starts = draw_network(self.network, self.size.width - 2, shown)
            lines += [[Segment(" "), *line] for line in picture.lines(self.parts)]
            if above > 0:
                lines += [[]] * (self.size.height - len(lines) - 1)
                reading = READING.ljust(self.size.width - len(self.status) - 1)
                lines.append([Segment(reading + self.status, self.parts["quiet"])])
        self.paint(lines)

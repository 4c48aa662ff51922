"""Two to four checkpoints beside one another."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import set_cell_size
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from core.commands import ScoreCheckpoint
from core.events import CheckpointScored
from tui.analysis.prediction_comparison import (
    find_disagreements,
    have_same_digits,
    predictions_of,
)
from tui.analysis.run_comparison import (
    ComparedCheckpoint,
    class_accuracies,
    comparison_rows,
    read_compared,
)
from tui.charts.overlay import build_overlay_frame
from tui.preferences import ZOOMS
from tui.screens.base import View
from tui.screens.captions import choices, key, line
from tui.screens.checkpoints.comparison_widgets import (
    ClassBars,
    Contested,
    ContestedDigits,
    RunsChart,
)
from tui.state.app_state import AppState
from tui.state.run_state import LETTERS
from tui.text.formats import format_percent, printable, truncate
from tui.widgets.charts.chart import Chart

PARTS = ("curves", "settings", "classes", "digits")
NAMES = 17  # columns for what a row of settings is called

COMPARISON_HELP = {
    "letters": "each checkpoint has a letter and a colour, the same in all parts. n goes to the "
    "next part; a large window shows all of them at once, and the arrows act in the chosen one.",
    "curves": "those of the checkpoints' runs, as far as their records go: whole runs, also where "
    "a checkpoint is of an earlier epoch. c goes to the next chart, l takes a logarithmic scale, m "
    "smooths, x counts by epochs, steps or in time, z shows the last part; ← → read values off.",
    "settings": "what the checkpoints say of themselves, and of the settings those that are not "
    "the same in all.",
    "classes": "of the test digits of each class the share that a network gets right. Each "
    "checkpoint is scored anew for this, one after the other.",
    "digits": "the test digits that not all networks take for the same, the most contested first: "
    "those where each is sure and means something else (by the Jensen-Shannon divergence of what "
    "they say). ← → go through them. Beside each stands what a network takes it for and how sure "
    "it is, at a softmax temperature of 1.",
    "r": "reads the files anew, and scores them anew: a run that is going on has saved another.",
}


class ComparisonView(View):
    """Reads the files by itself, and has the engine score them one after the other."""

    MODE = "checkpoints"
    VIEW_HELP = COMPARISON_HELP
    CSS_PATH = "comparison.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("n", "part(1)", "Next part"),
        Binding("N", "part(-1)", "Part before", show=False),
        Binding("right", "aside(1)", "Move", key_display="← →"),
        Binding("left", "aside(-1)", "Move", show=False),
        Binding("shift+right", "aside(10)", "Read off", show=False),
        Binding("shift+left", "aside(-10)", "Read off", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page", show=False),
        Binding("pageup", "page(-1)", "Page", show=False),
        Binding("c", "chart(1)", "Chart"),
        Binding("l", "log_scale", "Log"),
        Binding("m", "smoothing", "Smooth", show=False),
        Binding("x", "x_axis", "X axis", show=False),
        Binding("z", "zoom", "Zoom", show=False),
        Binding("r", "reload", "Anew"),
    ]

    @dataclass
    class Read(Message):
        """The files have been read."""

        compared: list[ComparedCheckpoint]

    def __init__(self, paths: list[str]) -> None:
        super().__init__()
        self.paths = list(dict.fromkeys(paths))[: len(LETTERS)]
        self._compared = [ComparedCheckpoint(path) for path in self.paths]
        self._scored: dict[str, CheckpointScored] = {}
        self._refused: dict[str, str] = {}
        self._asked: str | None = None  # the one that is being scored
        self._before: tuple[object, ...] = ()  # what had been said when it was asked
        self._disagreed: tuple[int, ...] | None = None
        self._first = 0
        self.part = PARTS[0]

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield Static(id="parts")
        with Container(id="pages"):
            yield RunsChart().data_bind(View.preferences)
            with VerticalScroll(id="settings", can_focus=False):
                yield Static(id="differences")
            with VerticalScroll(id="classes", can_focus=False):
                yield ClassBars()
            yield ContestedDigits(id="digits").data_bind(View.preferences)

    def on_mount(self) -> None:
        super().on_mount()
        self.action_reload()

    def on_resize(self) -> None:
        self.call_after_refresh(self.attempt, "show", self.show)

    # What is read and asked

    def action_reload(self) -> None:
        self._scored, self._refused, self._asked = {}, {}, None
        self._disagreed, self._first = None, 0
        self.show()
        self._read()
        self._ask()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self) -> None:
        self.post_message(self.Read([read_compared(path) for path in self.paths]))

    def on_comparison_view_read(self, message: Read) -> None:
        self._compared = message.compared
        chart = self.query_one(RunsChart)
        chart.reading = False
        runs = tuple(each.run for each in self._compared)
        chart.overlaid_runs, chart.run_state = runs, build_overlay_frame(runs)
        self.attempt("show", self.show)

    def _ask(self) -> None:
        """Has the next one scored that has not been."""
        done = self._scored.keys() | self._refused.keys()
        self._asked = next((path for path in self.paths if path not in done), None)
        if self._asked:
            state = self.mnist.app_state
            self._before = (state.opened, *state.scored)
            self.mnist.send(ScoreCheckpoint(self._asked, self.mnist.config.data))

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        path = self._asked
        if path is None or (before.scored is after.scored and before.opened is after.opened):
            return
        # The same file may have been scored, or refused, at another time.
        new = [each for each in after.scored if all(each is not old for old in self._before)]
        opened = after.opened
        if answer := next((each for each in new if each.path == path), None):
            self._scored[path] = answer
        elif opened and opened.path == path and opened.error and opened is not self._before[0]:
            self._refused[path] = opened.error
        else:
            return
        self._disagreed = None
        self._ask()
        self.show()

    # What is shown

    def show(self) -> None:
        for part in PARTS:
            self.set_class(part == self.part, f"-{part}")
        self._say("#caption", self._caption())
        named = [(part.capitalize(), f"part_named('{part}')") for part in PARTS]
        parts = choices(named, self.part.capitalize())
        self._say("#parts", Content(" ") + line(key("n", "", "part(1)") + " " + parts))
        self._say("#differences", self._differences())
        self.query_one(ClassBars).columns = tuple(
            class_accuracies(self._scored[path].confusion) if path in self._scored else ()
            for path in self.paths
        )
        self.show_digits()

    def _say(self, where: str, said: Content) -> None:
        place = self.query_one(where, Static)
        if not isinstance(place.content, Content) or not said.is_same(place.content):
            place.update(said)

    def _caption(self) -> Content:
        """Which letter is which, one a line; and what has become of it."""
        lines = []
        for letter, each in zip(LETTERS, self._compared, strict=False):
            scored, refused = self._scored.get(each.path), self._refused.get(each.path)
            said = "being scored …" if each.path == self._asked else "waits to be scored"
            if scored:
                said = f"{format_percent(scored.test_accuracy)} right, on {scored.dataset}"
            if why := refused or each.error:
                said = (f"{said}  " if scored else "") + f"✗ {why}".replace(f"{each.path} ", "")
            shown = truncate(
                f" {letter}  {printable(each.name)}  {printable(said)}", self.size.width
            )
            lines.append(Content(shown).stylize(f"$series-{letter}", 0, 3))
        return Content("\n").join(lines)

    def _differences(self) -> Content:
        known = [each.info for each in self._compared]
        if not any(known):
            return Content("reading the files …" if self.query_one(RunsChart).reading else "")
        rows, same = comparison_rows(known)
        width = max(8, (self.query_one("#settings").size.width - NAMES - 2) // len(known) - 2)
        table = [("", list(LETTERS[: len(known)])), *rows]
        if same:
            table.append(("the settings are the same", []))
        lines = []
        for name, values in table:
            shown = [set_cell_size(truncate(printable(value), width), width) for value in values]
            head = set_cell_size(name, NAMES)
            lines.append(Content.styled(head, "$text-muted") + Content("  ".join(["", *shown])))
        return Content("\n").join(lines)

    def show_digits(self) -> None:
        field = self.query_one(ContestedDigits)
        scored = [self._scored[path] for path in self.paths if path in self._scored]
        letters = [a for a, path in zip(LETTERS, self.paths, strict=False) if path in self._scored]
        if self._asked or len(scored) < 2:
            waiting = f"{LETTERS[self.paths.index(self._asked)]} is being scored …" if (
                self._asked
            ) else "✗ two networks that can be scored are needed"  # fmt: skip
            field.contested, field.said = (), waiting
            return
        if not have_same_digits(scored):
            field.contested = ()
            field.said = "they were not scored on the same test digits"
            return
        if self._disagreed is None:
            self._disagreed = find_disagreements([each.logits for each in scored])
        wanted = self._disagreed[self._first : self._first + field.capacity]
        guesses = [predictions_of(each, wanted) for each in scored]
        field.contested = tuple(
            Contested(tuple(zip(letters, of_one, strict=True)))
            for of_one in zip(*guesses, strict=True)
        )
        count, samples = len(self._disagreed), len(scored[0].labels)
        said = f"they disagree on {count:,} of {samples:,}"
        if wanted:
            said += f" · {self._first + 1}–{self._first + len(wanted)}"
        order = ", most contested first"
        field.said = said + (order if len(said + order) <= field.size.width else "")

    # What keys and clicks do

    def action_part(self, by: int) -> None:
        self.action_part_named(PARTS[(PARTS.index(self.part) + by) % len(PARTS)])

    def action_part_named(self, part: str) -> None:
        self.part = part
        self.show()
        # By then it is known how much of it fits.
        self.call_after_refresh(self.attempt, "show", self.show)

    def action_aside(self, by: int) -> None:
        """Reads the curves off; in the other parts, other digits."""
        if self.part == "curves":
            chart, now = self.query_one(RunsChart), self.preferences.cursor
            at = 1.0 if now is None else now + by / (chart.columns - 1)
            self.mnist.change_preferences(cursor=min(1.0, max(0.0, at)))
        elif self.part == "digits":
            self.action_page(1 if by > 0 else -1)

    def action_page(self, by: int) -> None:
        first = self._first + by * self.query_one(ContestedDigits).capacity
        if self._disagreed and first < len(self._disagreed):
            self._first = max(0, first)
            self.show_digits()

    def action_scroll(self, by: int) -> None:
        if self.part in ("settings", "classes"):
            self.query_one(f"#{self.part}", VerticalScroll).scroll_relative(y=by, animate=False)
        elif self.part == "digits":
            self.action_page(by)

    def action_chart(self, by: int) -> None:
        self.mnist.action_set("chart", by)

    def action_log_scale(self) -> None:
        self.mnist.action_set("log_scale")

    def action_smoothing(self) -> None:
        self.mnist.action_set("smoothing")

    def action_x_axis(self) -> None:
        self.mnist.action_set("x_axis")

    def action_zoom(self) -> None:
        self.mnist.action_set("zoom")

    @on(Chart.Clicked)
    def _read_off(self, message: Chart.Clicked) -> None:
        self.mnist.change_preferences(cursor=message.share)

    @on(Chart.Zoomed)
    def _zoom(self, message: Chart.Zoomed) -> None:
        place = ZOOMS.index(self.preferences.zoom) + message.by
        self.mnist.change_preferences(zoom=ZOOMS[min(max(place, 0), len(ZOOMS) - 1)])

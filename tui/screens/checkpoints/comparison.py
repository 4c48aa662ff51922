"""The view that compares two to four checkpoints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.class_names import DIGITS
from core.commands import ScoreCheckpoint
from tui.analysis.prediction_comparison import (
    explain_classes,
    find_disagreements,
    have_same_digits,
    predictions_of,
)
from tui.analysis.run_comparison import ComparedCheckpoint, class_accuracies, read_compared
from tui.charts.overlay import build_overlay_frame
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.captions import choices, key, line
from tui.screens.checkpoints.comparison_widgets import (
    ClassBars,
    DisagreementCards,
    RunsChart,
    settings_table,
)
from tui.screens.checkpoints.evaluation_queue import EvaluationQueue
from tui.state.app_state import AppState
from tui.state.run_state import LETTERS
from tui.text.formats import format_percent, printable, shorten_folder, truncate
from tui.widgets.charts.chart import Chart

PARTS = ("curves", "settings", "classes", "digits")
# Of the panels; that of the curves has their values.
TITLES = {
    "settings": "Settings that differ",
    "classes": "Accuracy by class",
    "digits": "Images predicted differently",
}

COMPARISON_HELP = {
    "letters": "each checkpoint has a letter and a colour, the same in each part. v goes to the "
    "next part; a large window shows all of them at once, and the arrows act in the chosen one.",
    "curves": "the metrics of the checkpoints' runs, as far as they were recorded: whole runs, "
    "also where a checkpoint is of an earlier epoch. c shows the next chart, l a logarithmic "
    "scale, m smooths, h counts by epochs, steps or time, z zooms in on the end; ← → read values.",
    "settings": "the metrics in the checkpoints' headers, and the settings that differ.",
    "classes": "the accuracy for each class of the test set. Each checkpoint is evaluated again "
    "for this, one after the other.",
    "digits": "the test images that the networks predict differently, the strongest disagreement "
    "first: where each network is sure of another class (by the Jensen-Shannon divergence of the "
    "predicted probabilities). ← → page through them. Beside each image stands what each network "
    "predicts, with its probability at softmax temperature 1.",
    "f5": "reads the files and evaluates them again, for a run in progress that has saved since.",
}


class ComparisonView(View):
    """Reads the files itself, and has the engine evaluate them one after the other."""

    MODE = "checkpoints"
    VIEW_HELP = COMPARISON_HELP
    CSS_PATH = "comparison.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("escape", "back", "Back"),
        Binding("v", "part(1)", "Layout"),
        Binding("right", "aside(1)", "Page", key_display="← →"),
        Binding("left", "aside(-1)", "Page", show=False),
        Binding("shift+right", "aside(10)", "Page", show=False),
        Binding("shift+left", "aside(-10)", "Page", show=False),
        Binding("down,j", "scroll(1)", "Row", show=False),
        Binding("up,k", "scroll(-1)", "Row", show=False),
        Binding("pagedown", "page(1)", "Page", show=False),
        Binding("pageup", "page(-1)", "Page", show=False),
        Binding("c", "set('chart')", "Next chart"),
        Binding("l", "set('log_scale')", "Log scale"),
        Binding("m", "set('smoothing')", "Smooth", show=False),
        Binding("h", "set('x_axis')", "Axis", show=False),
        Binding("z", "set('zoom')", "Zoom", show=False),
        Binding("f5", "reload", "Refresh"),
    ]

    def __init__(self, paths: list[str]) -> None:
        super().__init__()
        self.paths = list(dict.fromkeys(paths))[: len(LETTERS)]
        self.part = PARTS[0]
        self._compared = [ComparedCheckpoint(path) for path in self.paths]
        self._queue = EvaluationQueue(self.paths, self._request_evaluation)
        self._disagreements: tuple[int, ...] | None = None  # None: not computed
        self._first = 0  # of the disagreements on the page
        # Of the chart here: those of the run in progress may lie after the end of these runs.
        self._zoom, self._cursor = Preferences.zoom, Preferences.cursor

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield Static(id="parts")
        with Container(id="pages"):
            chart = RunsChart()
            chart.id = "curves"
            yield chart
            with VerticalScroll(id="settings", classes="panel", can_focus=False):
                yield Static(id="differences")
            with VerticalScroll(id="classes", classes="panel", can_focus=False):
                yield ClassBars()
            yield DisagreementCards(id="digits", classes="panel").data_bind(View.preferences)

    def on_mount(self) -> None:
        for part, title in TITLES.items():
            self.query_one(f"#{part}").border_title = title
        self.action_reload()

    # What is read and evaluated

    def action_reload(self) -> None:
        self._disagreements, self._first = None, 0
        self._queue.restart()
        self.show()
        self.run_worker(self._read, thread=True, exclusive=True, exit_on_error=False)

    def _read(self) -> None:
        self.call_later(self._show_runs, [read_compared(path) for path in self.paths])

    def _show_runs(self, compared: list[ComparedCheckpoint]) -> None:
        self._compared = compared
        chart = self.query_one(RunsChart)
        chart.is_reading = False
        runs = tuple(each.run for each in compared)
        chart.overlaid_runs, chart.run_state = runs, build_overlay_frame(runs)
        self.attempt("show", self.show)

    def _request_evaluation(self, path: str) -> AppState:
        before = self.mnist.app_state
        self.mnist.send(ScoreCheckpoint(path, self.mnist.config.data))
        return before

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if self._queue.update(after):
            self._disagreements = None
            self.show()

    # What is shown

    def show(self) -> None:
        for part in PARTS:
            self.set_class(part == self.part, f"-{part}")
            self.query_one(f"#{part}").set_class(part == self.part, "-focus")
        self._update("#caption", self._legend())
        named = [(part.capitalize(), f"show_part('{part}')") for part in PARTS]
        parts = choices(named, PARTS.index(self.part))
        self._update("#parts", Content(" ") + line(key("v", "", "part(1)") + " " + parts))
        self._update("#differences", self._settings())
        evaluations = self._queue.evaluations
        bars = self.query_one(ClassBars)
        names = list(dict.fromkeys(each.class_names for each in evaluations.values()))
        bars.names, bars.problem = names[0] if names else DIGITS, explain_classes(names)
        bars.columns = tuple(
            class_accuracies(evaluations[path].confusion) if path in evaluations else ()
            for path in self.paths
        )
        self._show_digits()

    def _update(self, selector: str, text: Content) -> None:
        static = self.query_one(selector, Static)
        if not isinstance(static.content, Content) or not text.is_same(static.content):
            static.update(text)

    def _legend(self) -> Content:
        """Return a line for each checkpoint: its letter, its name and its accuracy, or an error."""
        lines = []
        for letter, each in zip(LETTERS, self._compared, strict=False):
            text = f" {letter}  {printable(each.name)}  {printable(self._result(each))}"
            shown = Content(truncate(text, self.size.width))
            lines.append(shown.stylize(f"$series-{letter}", 0, 3))
        return Content("\n").join(lines)

    def _result(self, compared: ComparedCheckpoint) -> str:
        path, queue = compared.path, self._queue
        tested = ""
        if evaluation := queue.evaluations.get(path):
            accuracy = format_percent(evaluation.test_accuracy)
            tested = f"test accuracy {accuracy} on {shorten_folder(evaluation.dataset)}"
        if error := queue.errors.get(path) or compared.error:
            return "  ".join(filter(None, (tested, f"✗ {error}".replace(f"{path} ", ""))))
        return tested or ("evaluating…" if path == queue.current else "waiting")

    def _settings(self) -> Content:
        infos = [each.info for each in self._compared]
        if any(infos):
            return settings_table(infos, self.query_one("#settings").size.width)
        return Content("Reading the files…" if self.query_one(RunsChart).is_reading else "")

    def _show_digits(self) -> None:
        cards = self.query_one(DisagreementCards)
        by_letter = {
            letter: self._queue.evaluations[path]
            for letter, path in zip(LETTERS, self.paths, strict=False)
            if path in self._queue.evaluations
        }
        evaluations = list(by_letter.values())
        cards.disagreements = ()
        cards.border_title, cards.border_subtitle = TITLES["digits"], ""
        if self._queue.current:
            cards.caption = f"Evaluating {LETTERS[self.paths.index(self._queue.current)]}…"
            return
        if len(evaluations) < 2:
            cards.caption = "✗ At least two checkpoints must be evaluated to compare them."
            return
        if not have_same_digits(evaluations):
            names = list(dict.fromkeys(each.class_names for each in evaluations))
            others = "The checkpoints were evaluated on different test sets."
            cards.caption = explain_classes(names) or others
            return
        if self._disagreements is None:
            logits = [each.logits for each in evaluations]
            self._disagreements = find_disagreements(logits, len(evaluations[0].classes))
        page = self._disagreements[self._first : self._first + cards.capacity]
        predictions = [predictions_of(each, page) for each in evaluations]
        cards.disagreements = tuple(
            tuple(zip(by_letter, of_one, strict=True)) for of_one in zip(*predictions, strict=True)
        )
        count, total = len(self._disagreements), len(evaluations[0].classes)
        cards.caption = ""
        cards.border_title = f"{count:,} of {total:,} images predicted differently"
        places = f"{self._first + 1}–{self._first + len(page)}, " if page else ""
        cards.border_subtitle = f"{places}strongest disagreement first"

    # What keys and clicks do

    def action_part(self, by: int) -> None:
        self.action_show_part(PARTS[(PARTS.index(self.part) + by) % len(PARTS)])

    def action_show_part(self, part: str) -> None:
        self.part = part
        self.show()
        # Again when the part's size is known.
        self.call_after_refresh(self.attempt, "show", self.show)

    def action_aside(self, by: int) -> None:
        """Move the cursor of the chart, or page through the digits."""
        if self.part == "curves":
            chart, now = self.query_one(RunsChart), self._cursor
            at = chart.newest if now is None else now + by / (chart.columns - 1)
            self._show_chart(cursor=min(1.0, max(0.0, at)))
        elif self.part == "digits":
            self.action_page(1 if by > 0 else -1)

    def action_page(self, by: int) -> None:
        first = self._first + by * self.query_one(DisagreementCards).capacity
        if self._disagreements and first < len(self._disagreements):
            self._first = max(0, first)
            self._show_digits()

    def action_scroll(self, by: int) -> None:
        if self.part in ("settings", "classes"):
            self.query_one(f"#{self.part}", VerticalScroll).scroll_relative(y=by, animate=False)
        elif self.part == "digits":
            self.action_page(by)

    def action_set(self, name: str) -> None:
        """Change a preference of the charts, which the app's own keys do in the train view only."""
        if name == "zoom":
            self._show_chart(zoom=self.query_one(RunsChart).preferences.cycle("zoom", 1))
        else:
            self.mnist.action_set(name)

    def action_back(self) -> None:
        """Go one step back: hide the cursor of the chart, else close the view."""
        if self._cursor is not None:
            self._show_chart(cursor=None)
        else:
            self.app.pop_screen()

    def _watch_preferences(self) -> None:
        self._show_chart()

    def _show_chart(self, **changed: Any) -> None:
        """Draw the chart with the preferences, but with its own zoom and cursor."""
        own = {"zoom": self._zoom, "cursor": self._cursor} | changed
        self._zoom, self._cursor = own["zoom"], own["cursor"]
        self.query_one(RunsChart).preferences = replace(self.preferences, **own)

    @on(Chart.Clicked)
    def _read_values(self, message: Chart.Clicked) -> None:
        self._show_chart(cursor=message.share)

    @on(Chart.Zoomed)
    def _zoom_in(self, message: Chart.Zoomed) -> None:
        self._show_chart(zoom=self.query_one(RunsChart).preferences.step("zoom", message.by))

"""The browser of all runs and their checkpoints, from which each of them is opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.events import ScreenResume
from textual.widgets import Input

from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.checkpoints.listing.columns import CHANGED
from tui.screens.checkpoints.listing.row_list import Filter, RowList
from tui.screens.checkpoints.listing.rows import Entry
from tui.screens.checkpoints.listing.watch import FolderWatcher
from tui.screens.checkpoints.preview import Preview
from tui.screens.checkpoints.preview_loader import PreviewLoader
from tui.screens.checkpoints.run_actions import RUN_BINDINGS, RUN_HELP, RunActions
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.text.formats import format_percent
from tui.widgets.lists.virtual_table import VirtualTable

POLL_SECONDS = 1.0

BROWSER_HELP = {
    "tree": "one row a run; → shows its checkpoints below it, ← hides them or goes to the run.",
    "signs": "● a run in progress, here or in another process; ‖ a paused run; ■ a run that was "
    "stopped or whose process ended; ✗ a failed run, or a broken file with the reason; ★ a run "
    "with a star; + marked for comparison.",
    "loss curve": "the training loss from the start of the run to its newest step, on one scale "
    "for all runs: each level is half of the one above it, the highest from 2.56, the lowest "
    "below 0.04.",
    "accuracy": "of a run its best test accuracy; the loss beside it is that checkpoint's test "
    "loss, of a run in progress the training loss.",
    "changed": "the settings that are not at their defaults, or at those of the preset.",
    "last": "the checkpoint saved after each epoch, on pause and on stop.",
    "best": "the checkpoint with the highest test accuracy of its run.",
    "epoch": "the checkpoint of one epoch, to branch from. Two names are often the same file, "
    "which takes disk space once.",
    "sorting": "< and > choose the column, S reverses the order; a click on a column's heading "
    "does both. Columns that do not fit into the window can be chosen too. Runs are sorted; the "
    "checkpoints of a run stay together, the newest epoch first.",
    "filter": "/ and then words: parts of a run's name, note, network, dataset, device or status "
    "(running, paused, finished, stopped, interrupted, failed), or of a checkpoint's name (last, "
    "best, epoch), or broken. The runs and checkpoints that match all words are shown; esc shows "
    "all again.",
    "enter": "opens the checkpoint, of a run its best one, and shows predictions for test images; "
    "attaches to a run in progress.",
    "e p": "open the checkpoint and evaluate it on the whole test set, or predict your own images.",
    "comparing": "x marks up to four checkpoints, of a run its best one; o compares them.",
    "V": "verifies the file: computes its digests again and reports any change.",
    "f5": "reads the whole folder again. Changes in it show within a second or two by themselves.",
}


class CheckpointBrowser(View):
    """Wires the parts of the browser together: a watcher of the folder, the list of rows, the
    loader of the preview, and the actions on the row under the cursor."""

    MODE = "checkpoints"
    VIEW_HELP = BROWSER_HELP | RUN_HELP
    CSS_PATH = "browser.tcss"
    AUTO_FOCUS = "VirtualTable"
    BINDINGS = [
        Binding("enter", "open", "Open"),
        Binding("right", "do('unfold')", "Page", show=False),
        Binding("left", "do('fold')", "Page", show=False),
        Binding("slash", "filter(True)", "Filter", key_display="/"),
        Binding("less_than_sign", "do('previous')", "Sort", show=False),
        Binding("greater_than_sign", "do('next')", "Sort", show=False),
        Binding("S", "do('reverse')", "Reverse", show=False),
        Binding("x", "do('mark')", "Mark"),
        Binding("o", "do('compare')", "Compare"),
        *RUN_BINDINGS,
        Binding("e", "open('evaluation')", "Evaluate", show=False),
        Binding("p", "open('images')", "Images", show=False),
        Binding("W", "open('weights')", "Weights", show=False),
        Binding("V", "do('verify')", "Verify", show=False),
        Binding("f5", "do('reload')", "Refresh", show=False),
        Binding("ctrl+r", "app.open('race_of_run')", "Race", show=False),
        Binding("escape", "filter(False)", "Back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.folder = FolderWatcher(self, lambda: self.attempt("list", self.rows.show))
        self.rows = RowList(self, self.folder, self._look_at)
        self.loader = PreviewLoader(self)
        self.run_actions = RunActions(self, self.rows.entry, self.folder.reload)
        self._actions: dict[str, Callable[[], None]] = {
            "unfold": self.rows.unfold,
            "fold": self.rows.fold,
            **{how: partial(self.rows.reorder, how) for how in ("previous", "next", "reverse")},
            "mark": self.rows.mark,
            "compare": self._compare,
            "verify": self._verify,
            "reload": self.folder.reload,
        }

    def body(self) -> ComposeResult:
        with Container(id="filter-panel", classes="panel") as panel:
            panel.border_title, panel.border_subtitle = "Filter", "enter list · esc show all"
            yield Filter(placeholder="name, note, network, status…", compact=True, id="filter")
        with Container(id="both"):
            yield VirtualTable[Entry](
                lambda row: row.key, self.rows.present, growing=CHANGED, id="list"
            )
            yield Preview()

    # The folder

    def on_mount(self) -> None:
        self._clock = self.set_interval(POLL_SECONDS, self.poll, pause=True)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self.poll()  # Textual calls View's handler too
        self._clock.resume()

    def on_screen_suspend(self) -> None:
        self._clock.pause()

    def poll(self) -> None:
        """Read what has changed in the folder."""
        if self.folder.is_complete:
            self.attempt("list", self.query_one(VirtualTable).draw)  # the ages change
        self.folder.poll(self.mnist.config.folder)

    # The preview

    def wanted_digits(self) -> tuple[int, ...]:
        if self.opened_path is None or not self.app_state.devices:  # torch is not loaded yet
            return ()
        return super().wanted_digits()

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.opened is not after.opened:
            self.loader.show_digits()

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if before.curves is not after.curves:
            self.loader.follow_run()

    def watch_preferences(self, preferences: Preferences) -> None:
        self.query_one(Preview).preferences = preferences

    def _look_at(self) -> None:
        self.loader.look_at(self.rows.entry())

    @on(VirtualTable.Moved)
    def _moved(self) -> None:
        self.attempt("preview", self._look_at)

    # The list

    def show_run(self, folder: Path) -> None:
        """Move the cursor to a run, as soon as it is listed."""
        if self.has_class("-filtering"):
            self.action_filter(False)
        self.rows.go_to(folder)

    @on(VirtualTable.Unfolded)
    def _arrow_clicked(self) -> None:
        self.attempt("list", self.rows.toggle)

    @on(VirtualTable.HeadClicked)
    def _head_clicked(self, message: VirtualTable.HeadClicked) -> None:
        self.rows.sort(message.column)

    def action_filter(self, on: bool) -> None:
        """Open the filter, or clear and close it."""
        self.set_class(on, "-filtering")
        if on:
            self.query_one(Filter).focus()
        else:
            self.query_one(Filter).value = ""
            self.query_one(VirtualTable).focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self.rows.set_filter(event.value)

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one(VirtualTable).focus()

    # The row under the cursor

    def action_run(self, name: str) -> None:
        """Call the method of that name of RunActions."""
        getattr(self.run_actions, name)()

    def action_do(self, name: str) -> None:
        """Call the action of that name, from the table in __init__."""
        self.attempt("list", self._actions[name])

    def _compare(self) -> None:
        paths = [str(each.path) for each in self.rows.marked()]
        if len(paths) < 2:
            message = "Mark two to four runs or checkpoints with x, then press o to compare them."
            self.notify(message, markup=False)
            return
        from tui.screens.checkpoints.comparison import ComparisonView

        self.app.push_screen(ComparisonView(paths))

    def _verify(self) -> None:
        entry = self.rows.entry()
        file = entry.newest if entry else None
        if file and not self.is_too_small:
            from tui.screens.checkpoints.verify_dialog import VerifyDialog

            self.app.push_screen(VerifyDialog(file.path))

    @on(VirtualTable.Opened)
    def action_open(self, then: str = "") -> None:
        """Open the checkpoint under the cursor, of a run the best one, and what it has by the name
        `then`; attach to a run in progress."""
        entry = self.rows.entry()
        if entry is None:
            return
        checkpoint = entry.best
        if entry.file is None and entry.run.is_live and not then:
            self.mnist.attach(entry.run.folder)
        elif checkpoint is None:
            self.notify(f"{entry.name} has no readable checkpoint.", markup=False)
        elif checkpoint.info is None:
            why = f"{checkpoint.path.name} is broken: {checkpoint.error}"
            self.notify(why, severity="error", markup=False)
        else:
            # Imported when it is needed, so that the list shows sooner.
            from tui.screens.checkpoints.checkpoint_view import CheckpointView

            accuracy = checkpoint.info.test_accuracy
            tested = f", test accuracy {format_percent(accuracy)}" if accuracy is not None else ""
            title = f"{checkpoint.run}/{checkpoint.path.stem}{tested}"
            view = CheckpointView(str(checkpoint.path), title)
            self.app.push_screen(view)
            if then:
                view.action_open(then)

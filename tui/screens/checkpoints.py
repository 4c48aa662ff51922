"""What has been trained: all checkpoints, newest first, and from here into any of them."""

import time
from dataclasses import dataclass

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from core.errors import CheckpointError
from core.listing import Listed, RunListed, list_checkpoints, read_listed
from tui.drawing import age, file_size, loss_text, percent, printable
from tui.screens.opened import OpenedView
from tui.screens.tidying import Tidying
from tui.state import RunState

# The last ones are for windows that are wide enough.
COLUMNS = ("Run", "Kind", "Network", "Accuracy", "Epoch", "Size", "Age", "Loss", "Digits")
NARROW_COLUMNS = 7


class CheckpointsView(Tidying):
    MODE = "checkpoints"
    CSS_PATH = "checkpoints.tcss"
    AUTO_FOCUS = "DataTable"
    BINDINGS = [
        Binding("enter", "open", "Look inside"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("r", "reload", "Reload"),
        Binding("escape", "close_filter", "Show all", show=False),
        *Tidying.TIDYING,
    ]

    @dataclass
    class Found(Message):
        """The folder has been read."""

        listed: list[Listed]
        error: str | None

    def __init__(self) -> None:
        super().__init__()
        self._listed: list[Listed] = []

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield Input(
            placeholder="part of a run's name, network or digits", compact=True, id="filter"
        )
        yield DataTable(cursor_type="row", id="table")
        yield Static(id="details")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#filter").display = False

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.action_reload()

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if (before.checkpoint, before.scores) != (after.checkpoint, after.scores):
            self.action_reload()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def action_reload(self) -> None:
        """Reads headers alone, so it needs no torch and may run beside the engine."""
        try:
            listed, error = list_checkpoints(self.mnist.config.folder), None
        except CheckpointError as failure:
            listed, error = [], str(failure)
        self.post_message(self.Found(listed, error))

    def on_checkpoints_view_found(self, message: Found) -> None:
        self._listed = message.listed
        self.show(message.error)

    def show(self, error: str | None = None) -> None:
        table: DataTable[Text] = self.query_one(DataTable)
        kept = self._chosen()
        wanted = self.query_one("#filter", Input).value.casefold()
        now = time.time()
        columns = len(COLUMNS) if self.size.width >= 100 else NARROW_COLUMNS
        rows = {
            str(listed.path): [printable(cell) for cell in _row(listed, now)[:columns]]
            for listed in self._listed
        }
        rows = {path: row for path, row in rows.items() if wanted in " ".join(row).casefold()}
        table.clear(columns=True)
        for title, *cells in zip(COLUMNS, *rows.values(), strict=False):
            table.add_column(title, width=max(map(len, [title, *cells])))
        for path, row in rows.items():
            # Text, not markup: a folder may be called anything.
            table.add_row(*map(Text, row), key=path)
        folder = self.mnist.config.folder
        count = f"{table.row_count} of {len(self._listed)} checkpoints in {folder}"
        if not self._listed:
            count = f"no checkpoints in {folder} yet: train a network, and they appear here"
        self.query_one("#caption", Static).update(Content(f" {error or count}"))
        if kept and str(kept.path) in table.rows:
            table.move_cursor(row=table.get_row_index(str(kept.path)))
        self._describe()

    def on_resize(self) -> None:
        self.attempt("resize", self.show)

    def _chosen(self) -> Listed | None:
        """The checkpoint under the cursor."""
        table = self.query_one(DataTable)
        if not table.row_count:
            return None
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
        return next((each for each in self._listed if str(each.path) == key), None)

    def chosen(self) -> Listed | None:
        return self._chosen()

    def chosen_run(self) -> RunListed | None:
        chosen = self._chosen()
        return read_listed(chosen.path.parent) if chosen else None

    def reload(self) -> None:
        self.action_reload()

    @on(DataTable.RowHighlighted)
    def _describe(self) -> None:
        chosen = self._chosen()
        said = ""
        if chosen and chosen.info:
            config, info = chosen.info.config, chosen.info
            rate, batch, seed = (config.get(k) for k in ("learning_rate", "batch_size", "seed"))
            said = (
                f"{info.parameters:,} parameters, step {info.step:,}, "
                f"learning rate {rate}, batch {batch}, seed {seed}"
            )
        elif chosen:
            said = f"broken: {chosen.error}"
        if chosen:
            said = f"{printable(str(chosen.path))}\n{printable(said)}"
        self.query_one("#details", Static).update(Content(said))

    @on(DataTable.RowSelected)
    def action_open(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            return
        if chosen.info is None:
            self.notify(
                f"{chosen.path.name} is broken: {chosen.error}", severity="error", markup=False
            )
            return
        info = chosen.info
        accuracy = f", test {percent(info.test_accuracy)}" if info.test_accuracy else ""
        title = f"{chosen.run}/{chosen.path.stem}{accuracy}"
        self.app.push_screen(OpenedView(str(chosen.path), title))

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def action_close_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.value = ""
        field.display = False
        self.query_one(DataTable).focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self) -> None:
        self.show()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one(DataTable).focus()


def _row(listed: Listed, now: float) -> tuple[str, ...]:
    info = listed.info
    if info is None:
        name = listed.path.parent.name
        return (name, listed.kind, "broken", "", "", file_size(listed.bytes), "", "", "")
    return (
        listed.run,
        listed.kind,
        info.arch,
        percent(info.test_accuracy),
        str(info.epoch),
        file_size(listed.bytes),
        age(now - info.saved_at),
        loss_text(info.test_loss),
        info.dataset,
    )

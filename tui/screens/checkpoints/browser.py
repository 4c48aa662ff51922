"""What has been trained: all runs and their checkpoints, and from here into any of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input, Static

from core.runs.catalog import CheckpointFile, RunInfo
from tui.screens.captions import between, clicked, key, line
from tui.screens.checkpoints.manage_actions import Tidying
from tui.screens.checkpoints.preview import Preview
from tui.screens.checkpoints.preview_loader import Previewing
from tui.screens.checkpoints.resume_actions import GOING_ON, GoingOn
from tui.screens.checkpoints.rows import (
    FIELDS,
    NAMES,
    Entry,
    Group,
    Order,
    columns_for,
    key_of,
    plural,
    row_of,
)
from tui.screens.checkpoints.watch import Watching
from tui.state.app_state import MAX_COMPARED
from tui.text.formats import format_percent, format_size, printable
from tui.widgets.virtual_table import TableColumn, VirtualTable

CHECKPOINTS_HELP = {
    "signs": "● a run that goes on, here or in another process, and ‖ one that is held; ✗ a file "
    "that is broken, with the reason; ★ a run with a star; + what is marked for comparison.",
    "now": "the run itself while it goes on: its epoch, its training loss, the last accuracy.",
    "last": "the checkpoint that is saved after each epoch, on a pause and on a stop.",
    "best": "the checkpoint with the highest test accuracy of its run.",
    "epoch": "that of one epoch, to go back to. Often two of these names are of one file, which "
    "then counts once on the disk.",
    "sorting": "< and > choose the column, S turns it round, a click on a column's head does both. "
    "What does not fit into the window can be sorted by all the same.",
    "filter": "/ and any words: parts of a run's name, its note, network, digits, device, kind "
    "(last, best, epoch), or status (running, paused, finished, stopped, interrupted, failed), or "
    "broken. Those rows stay that have all of them; esc shows all again.",
    "group": "g puts those of one network together.",
    "enter": "looks inside: what the network makes of test digits.",
    "e p": "looks inside, and scores it on all test digits, or asks it about images of yours.",
    "take up": "u goes on with the run exactly where it stopped, as if it never had.",
    "branch": "b begins a new run from this checkpoint, with other settings.",
    "comparing": "m marks up to four checkpoints, and o lays the marked ones side by side.",
    "V": "computes the file's digest anew, and says whether a bit of it has changed.",
    "config": "c shows all settings of the run in a small window: those first that are not as "
    "usual, with what is usual behind them.",
    "r": "reads the whole folder again. What changes in it shows by itself within a second or two.",
}


class Filter(Input):
    """Arrows move in the list while one types."""

    BINDINGS = [
        Binding("up", "screen.move(-1)", show=False),
        Binding("down", "screen.move(1)", show=False),
    ]


class CheckpointsView(Watching, GoingOn, Previewing, Tidying):
    MODE = "checkpoints"
    VIEW_HELP = CHECKPOINTS_HELP | Tidying.TIDYING_GUIDE
    CSS_PATH = "browser.tcss"
    AUTO_FOCUS = "VirtualTable"
    BINDINGS = [
        Binding("enter", "open", "Open"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("less_than_sign,comma", "sort(-1)", "Sort", show=False),
        Binding("greater_than_sign,full_stop", "sort(1)", "Sort", show=False),
        Binding("S", "turn", "Turn round", show=False),
        *GOING_ON,
        Binding("m", "mark", "Mark"),
        Binding("o", "compare", "Compare"),
        Binding("e", "open('evaluate')", "Evaluate", show=False),
        Binding("p", "open('images')", "Predict images", show=False),
        Binding("g", "group", "Group"),
        Binding("V", "verify", "Verify", show=False),
        Binding("c", "config", "Config", show=False),
        Binding("r", "reload", "Reload", show=False),
        *Tidying.TIDYING,
        Binding("escape", "close_filter", "Show all", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._order = Order()
        self._sorted: list[Entry] = []  # all of them
        self._columns: list[TableColumn] = []
        self._count = ""
        self._marked: list[str] = []  # keys, in the order in which they were marked

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield Filter(placeholder="parts of a name, a note, a status …", compact=True, id="filter")
        with Container(id="both"):
            yield VirtualTable[Entry | Group](
                key_of, lambda row: row_of(row, self._marked), id="list"
            )
            yield Preview()

    @property
    def listing(self) -> VirtualTable[Entry | Group]:
        return self.query_one(VirtualTable)

    # What others ask

    def entry(self) -> Entry | None:
        """What the cursor is on."""
        chosen = self.listing.chosen
        return chosen if isinstance(chosen, Entry) else None

    def chosen(self) -> CheckpointFile | None:
        """The checkpoint under the cursor; on a run's own row its newest, if it has one."""
        entry = self.entry()
        if entry is None or entry.listed:
            return entry.listed if entry else None
        return next((each for each in entry.run.checkpoints if each.info), None)

    def chosen_run(self) -> RunInfo | None:
        """The run that this is of."""
        entry = self.entry()
        return entry.run if entry else None

    def marked(self) -> list[CheckpointFile]:
        """Those that are marked for comparison and still there, in the order of marking."""
        there = {
            entry.key: entry.listed
            for entries in self._entries.values()
            for entry in entries
            if entry.listed
        }
        return [listed for each in self._marked if (listed := there.get(each))]

    # What is listed, and how

    def show(self) -> None:
        """All that is known; what a key changes of it is less work."""
        every = [entry for entries in self._entries.values() for entry in entries]
        self._columns, self._sorted = columns_for(every), self._order.sorted(every)
        size = format_size(sum(entries[0].run.bytes for entries in self._entries.values()))
        files = sum(entry.listed is not None for entry in every)
        runs = plural(len(self._entries), "run")
        self._count = f"{plural(files, 'checkpoint')} of {runs}, {size}"
        self._arrange()

    def _arrange(self) -> None:
        order, rows = self._order, self._order.shown(self._sorted)
        self.listing.show(
            self._columns,
            rows,
            by=order.by,
            falling=order.falling,
            waiting="nothing here is as the filter says: esc shows all" if self._sorted else "",
        )
        self._caption(sum(isinstance(row, Entry) for row in rows))
        self.look_at(self.entry())

    def _caption(self, shown: int) -> None:
        folder, all_rows = printable(str(self.mnist.config.folder)), len(self._sorted)
        if self._error:
            said = printable(self._error)
        elif not all_rows:
            nothing = f"no checkpoints in {folder} yet: train a network, and they appear here"
            said = nothing if self._whole else f"reading {folder} …"
        else:
            said = self._count if shown == all_rows else f"{shown:,} of {plural(all_rows, 'row')}"
            said += f", in {folder}" + ("" if self._whole else ", reading on …")
        order = self._order
        by = clicked(
            Content(f"by {NAMES[order.by].lower()} {'▼' if order.falling else '▲'}"), "turn"
        )
        keys = [
            between(key("<", "", "sort(-1)"), by, key(">", "", "sort(1)")),
            key("g", "ungroup" if order.grouped else "group", "group"),
            key("c", "curve" if self.has_class("-config") else "config", "config"),
        ]
        if self._marked and (marked := self.marked()):
            keys.insert(0, Content.styled(f"+ {len(marked)} marked", "bold"))
        right = line(*keys)
        room = max(10, self.size.width - right.cell_length - 4)
        said = said if len(said) <= room else f"{said[: room - 1]}…"
        text = Content(f" {said}".ljust(room + 2)) + right
        self.query_one("#caption", Static).update(text, layout=False)

    @on(VirtualTable.Moved)
    def _moved(self) -> None:
        self.attempt("preview", lambda: self.look_at(self.entry()))

    def action_reload(self) -> None:
        self.reload()

    def action_move(self, by: int) -> None:
        self.listing.action_move(by)

    def action_sort(self, by: int) -> None:
        self._sort((self._order.by + by) % len(FIELDS))

    @on(VirtualTable.HeadClicked)
    def _head_clicked(self, message: VirtualTable.HeadClicked) -> None:
        if message.column == self._order.by:
            self.action_turn()
        else:
            self._sort(message.column)

    def _sort(self, by: int) -> None:
        self._order = replace(self._order, by=by, falling=FIELDS[by].falling)
        self.attempt("list", self.show)

    def action_turn(self) -> None:
        self._order = replace(self._order, falling=not self._order.falling)
        self.attempt("list", self.show)

    def action_group(self) -> None:
        self._order = replace(self._order, grouped=not self._order.grouped)
        self.attempt("list", self._arrange)

    def action_config(self) -> None:
        self.toggle_class("-config")
        self.attempt("list", self._arrange)

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one(Filter).focus()

    def action_close_filter(self) -> None:
        self.query_one(Filter).value = ""
        self.remove_class("-filtering")
        self.listing.focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._order = replace(self._order, wanted=event.value)
        self.attempt("list", self._arrange)

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.listing.focus()

    # What is done with a checkpoint

    def action_mark(self) -> None:
        entry = self.entry()
        if entry is None or entry.listed is None or entry.listed.info is None:
            self.notify("only a whole checkpoint can be compared", markup=False)
            return
        there = {each.path for each in self.marked()}
        self._marked = [each for each in self._marked if Path(each) in there]
        if entry.key in self._marked:
            self._marked.remove(entry.key)
        elif len(self._marked) < MAX_COMPARED:
            self._marked.append(entry.key)
        else:
            self.notify(f"{MAX_COMPARED} are marked: take one away first", markup=False)
        self._arrange()

    def action_compare(self) -> None:
        paths = [str(each.path) for each in self.marked()]
        if len(paths) < 2:
            self.notify("mark two to four checkpoints with m, then o compares them", markup=False)
            return
        from tui.screens.checkpoints.comparison import ComparedView

        self.app.push_screen(ComparedView(paths))

    def action_verify(self) -> None:
        if not self.is_too_small and (chosen := self.chosen()):
            from tui.screens.checkpoints.verify_dialog import Verify

            self.app.push_screen(Verify(chosen.path))

    @on(VirtualTable.Chosen)
    def action_open(self, then: str = "") -> None:
        """Looks inside, and does what that view offers; at a live run's own row, follows it."""
        entry, chosen = self.entry(), self.chosen()
        if chosen is None or chosen.info is None or (entry and not entry.listed and not then):
            if entry and entry.run.is_live and not entry.listed:
                self.mnist.attach(entry.run.folder)
            elif entry and entry.listed:
                why = f"{entry.listed.path.name} is broken: {entry.listed.error}"
                self.notify(why, severity="error", markup=False)
            elif entry:
                self.notify(f"{entry.name} has no checkpoint yet", markup=False)
            return
        from tui.screens.checkpoints.checkpoint_view import (
            OpenedView,  # not before: the list is to be there soon
        )

        test = chosen.info.test_accuracy
        accuracy = f", test {format_percent(test)}" if test else ""
        title = f"{chosen.run}/{chosen.path.stem}{accuracy}"
        opened = OpenedView(str(chosen.path), title)
        self.app.push_screen(opened)
        if then:
            getattr(opened, f"action_{then}")()

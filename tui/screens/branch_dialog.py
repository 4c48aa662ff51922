"""The dialog that branches from a checkpoint of a run, with other settings."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, DataTable, Input, Label, Static

from core.checkpoints.header import CheckpointInfo, read_info
from core.commands import Start
from core.config import FIELDS, describe_allowed, parse
from core.errors import CheckpointError, UserError, first_line
from core.runs.branch import branch
from core.runs.catalog import CheckpointFile, list_run_checkpoints
from core.runs.description import config_in, read_description
from core.runs.layout import MOST_LASTING
from tui.screens.base import app_of
from tui.screens.captions import show_message
from tui.state.history import read_run
from tui.state.run_state import RunState
from tui.text.formats import format_loss, format_percent, plural
from tui.widgets.line_input import NumberInput
from tui.widgets.table import RowTable, fill_table

LABELS = {
    "learning_rate": "Learning rate",
    "epochs": "Epochs",
    "weight_decay": "Weight decay",
    "label_smoothing": "Label smoothing",
    "shift": "Shift",
    "seed": "Seed",
}
COLUMNS = ("Kind", "Epoch", "Step", "Accuracy", "Loss")

# A checkpoint and its files, which have the same tensors; the file replaced last comes first.
Checkpoint = tuple[CheckpointInfo, list[CheckpointFile]]


def list_distinct(folder: Path, last_step: int) -> list[Checkpoint]:
    """Return a run's readable checkpoints up to a step, newest first, each once."""
    found: dict[tuple[int, str], Checkpoint] = {}
    for file in list_run_checkpoints(folder):
        if file.info and file.info.step <= last_step:
            found.setdefault((file.info.step, file.info.digest), (file.info, []))[1].append(file)
    for _, files in found.values():
        files.sort(key=lambda file: MOST_LASTING.index(file.kind))
    return list(found.values())


def _row(checkpoint: Checkpoint) -> tuple[str, ...]:
    info, files = checkpoint
    # The column of epochs says that there is one; the last and the best are worth a word.
    kinds = dict.fromkeys(file.kind for file in files)
    named = [kind for kind in kinds if kind != "epoch"] or kinds
    scores = format_percent(info.test_accuracy), format_loss(info.test_loss)
    return " ".join(named), str(info.epoch), f"{info.step:,}", *scores


class BranchDialog(ModalScreen[tuple[Start, RunState] | None]):
    """Return what starts the branch and the state of the run up to its checkpoint, or None.

    The checkpoints are those of the app's run, or of the run in `folder`; the one in the file
    `selected` is selected first.
    """

    CSS_PATH = "branch_dialog.tcss"
    # Below 76 columns the fields are under the checkpoints.
    HORIZONTAL_BREAKPOINTS = [(0, "-stacked"), (76, "-beside")]
    AUTO_FOCUS = "DataTable"
    BINDINGS = [
        # With priority over the table's own binding, which a click on a row uses too.
        Binding("enter", "enter", "Open", show=False, priority=True),
        Binding("escape", "back", "Back", show=False),
        # Between the fields; the table has bindings of its own.
        Binding("up", "app.focus_previous", "Row", show=False),
        Binding("down", "app.focus_next", "Row", show=False),
    ]

    def __init__(self, folder: Path | None = None, selected: Path | None = None) -> None:
        super().__init__()
        self._folder, self._select_first = folder, selected
        self._checkpoints: list[Checkpoint] = []
        self._values: dict[str, str] = {}  # of the fields, as the run has them
        self._is_branching = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Branch from a checkpoint"
            dialog.border_subtitle = "↑↓ select · tab settings · enter branch · esc back"
            with Horizontal(id="choices"):
                yield RowTable(cursor_type="row")
                with Vertical(id="fields"):
                    for name, label in LABELS.items():
                        with Horizontal(classes="field"):
                            yield Label(label)
                            yield NumberInput(restrict=r"[0-9.e+-]*", compact=True, id=name)
            yield Static("Reading checkpoints…", id="message")
            with Horizontal(id="buttons"):
                yield Button("Branch", id="branch", compact=True, disabled=True)
                yield Button("Cancel", id="back", compact=True, action="screen.dismiss(None)")

    @property
    def _state(self) -> RunState:
        return app_of(self).run_state

    def on_mount(self) -> None:
        self.watch(self.app, "run_state", self._follow, init=False)
        self.reload()

    def _follow(self, before: RunState, after: RunState) -> None:
        # The phase too: the last epoch's checkpoint is saved after its mark, at the same step.
        if not self._is_branching and (before.marks, before.phase) != (after.marks, after.phase):
            self.reload()

    def reload(self) -> None:
        if self._folder:
            self._list(self._folder, sys.maxsize)
        elif self._state.started:
            self._list(Path(self._state.started.folder), self._state.step)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _list(self, folder: Path, last_step: int) -> None:
        """Read headers alone, so no torch is needed and the engine is not disturbed."""
        self.call_later(self._show_checkpoints, list_distinct(folder, last_step))

    def _show_checkpoints(self, checkpoints: list[Checkpoint]) -> None:
        table: DataTable[Text] = self.query_one(DataTable)
        selected, self._checkpoints = self._selected(), checkpoints
        fill_table(table, COLUMNS, [_row(each) for each in checkpoints])
        digest = selected[0].digest if selected else ""
        if self._select_first and not selected:
            with suppress(CheckpointError):  # a broken file is not listed
                digest = read_info(self._select_first).digest
        digests = [info.digest for info, _ in checkpoints]
        if digest in digests:
            table.move_cursor(row=digests.index(digest))
        self._fill()

    def _planned_epochs(self, info: CheckpointInfo, path: Path) -> int:
        """Return the epochs of the run, which may have changed since the checkpoint."""
        if self._folder is None and self._state.started:
            return self._state.started.epochs
        config = info.config | config_in(read_description(path.parent))
        epochs: int = config.get("epochs", FIELDS["epochs"].default)
        return epochs

    def _is_last(self, info: CheckpointInfo, path: Path) -> bool:
        """Return whether the run has trained all of its epochs at a checkpoint."""
        return self._planned_epochs(info, path) <= info.epoch

    def _epochs(self, info: CheckpointInfo, path: Path) -> int:
        """Return the epochs of the run; of its last checkpoint, as many more."""
        epochs = self._planned_epochs(info, path)
        return info.epoch + epochs if self._is_last(info, path) else epochs

    def _selected(self) -> Checkpoint | None:
        row = self.query_one(DataTable).cursor_row
        return self._checkpoints[row] if 0 <= row < len(self._checkpoints) else None

    @on(DataTable.RowHighlighted)
    def _fill(self) -> None:
        """Fill the fields that were not edited with the run's settings at the checkpoint."""
        if selected := self._selected():
            info, files = selected
            config: dict[str, Any] = info.config | {"epochs": self._epochs(info, files[0].path)}
            for name in LABELS:
                field = self.query_one(f"#{name}", NumberInput)
                value = config.get(name, FIELDS[name].default)
                text = f"{value:g}" if isinstance(value, float) else str(value)
                if field.value == self._values.get(name, ""):
                    field.value = text
                self._values[name] = text
        self._check()

    @on(Input.Changed)
    def _check(self) -> None:
        """Show what is wrong with the fields, or what the branch will be."""
        if self._is_branching:
            return
        selected, problem = self._selected(), ""
        for name in LABELS:
            why = self._problem(name, selected)
            self.query_one(f"#{name}").set_class(bool(why), "wrong")
            problem = problem or why
        if selected is None:
            show_message(self, "The run has no checkpoint to branch from.")
        elif problem:
            show_message(self, f"✗ {problem}", wrong=True)
        else:
            show_message(self, self._describe_branch(*selected))
        self.query_one("#branch", Button).disabled = selected is None or bool(problem)

    def _describe_branch(self, info: CheckpointInfo, files: list[CheckpointFile]) -> str:
        if files[0].kind == "imported":
            return "The imported weights are trained with these settings."
        changes = ", ".join(
            f"{LABELS[name].lower()} {self._values[name]} → {self._text(name)}"
            for name in self._changed()
        )
        text = changes or "no setting is changed, so the training will be identical."
        if not changes and self._is_last(info, files[0].path):
            text = f"trains on, to epoch {self._text('epochs')}."
        return f"From step {info.step:,}, after {plural(info.epoch, 'epoch')}: {text}"

    def _problem(self, name: str, selected: Checkpoint | None) -> str:
        try:
            value = parse(name, self._text(name))
        except UserError:
            return f"{LABELS[name]} must be {describe_allowed(name)}"
        if name == "epochs" and selected and value <= (epoch := selected[0].epoch):
            return (
                f"Epochs must be more than {epoch}, the number at this checkpoint. Raise it, or "
                "select an earlier checkpoint."
            )
        return ""

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", NumberInput).value

    def _changed(self) -> list[str]:
        return [name for name in LABELS if self._text(name) != self._values.get(name)]

    def action_back(self) -> None:
        """Leave a field, else the dialog."""
        if isinstance(self.focused, Input):
            self.query_one(DataTable).focus()
        else:
            self.dismiss(None)

    def action_enter(self) -> None:
        if isinstance(self.focused, Button):
            self.focused.press()
        else:
            self.branch()

    @on(Button.Pressed, "#branch")
    def branch(self) -> None:
        self._check()  # the message of the last edit may not have arrived yet
        selected = self._selected()
        if self._is_branching or not selected or self.query_one("#branch", Button).disabled:
            return
        self._is_branching = True
        show_message(self, "Creating the branch…")
        # The epochs too where they were only suggested, beyond those of the run.
        names = {*self._changed(), "epochs"}
        changes = {name: parse(name, self._text(name)) for name in names}
        self._branch(selected[1][0].path, selected[0].digest, changes)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _branch(self, path: Path, digest: str, changes: dict[str, Any]) -> None:
        """Create the branch. The old run is only read, so it may be training at the same time."""
        try:
            if read_info(path).digest != digest:
                raise CheckpointError("The checkpoint has been replaced. Select it again.")
            config, resume_point = branch(path, changes, path.parent.parent)
            prepared = Start(config, resume_point), read_run(resume_point.folder)
        except Exception as error:  # the dialog stays, so that another one can be selected
            self.call_later(self._refuse, first_line(error))
        else:
            self.call_later(self._finish, prepared)

    def _finish(self, branch: tuple[Start, RunState]) -> None:
        self.dismiss(branch)

    def _refuse(self, problem: str) -> None:
        self._is_branching = False
        self.notify(problem, severity="error", markup=False, timeout=8)
        self.reload()

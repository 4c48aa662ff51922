"""The dialog that goes back to a checkpoint of the run, and branches there with other settings."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, DataTable, Input, Label, Static

from core.checkpoints.header import CheckpointInfo, read_info
from core.commands import Start
from core.config import FIELDS, describe_allowed, parse
from core.errors import CheckpointError, UserError, first_line
from core.runs.branch import branch
from core.runs.catalog import list_run_checkpoints
from core.runs.description import read_description
from core.runs.layout import MOST_LASTING
from tui.screens.app_protocol import app_of
from tui.state.history import read_run
from tui.state.run_state import RunState
from tui.text.formats import format_loss, format_percent
from tui.widgets.config_form import NumberInput
from tui.widgets.table import fill_table

LABELS = {
    "learning_rate": "Rate",
    "epochs": "Epochs",
    "weight_decay": "Weight decay",
    "label_smoothing": "Smoothing",
    "shift": "Shift",
    "seed": "Seed",
}
COLUMNS = ("Kind", "Epoch", "Step", "Accuracy", "Loss")

Branch = tuple[Start, RunState]


@dataclass(frozen=True)
class Place:
    """A checkpoint, by all names that it has in its folder."""

    path: Path
    kinds: tuple[str, ...]
    info: CheckpointInfo


def places(folder: Path, step: int) -> list[Place]:
    """A run's checkpoints up to that step, newest first, each once; without the broken ones."""
    found: dict[str, list[tuple[str, Path, CheckpointInfo]]] = {}
    for listed in list_run_checkpoints(folder):
        if listed.info and listed.info.step <= step:
            same = found.setdefault(f"{listed.info.step} {listed.info.digest}", [])
            same.append((listed.kind, listed.path, listed.info))
    out = []
    for same in found.values():
        same.sort(key=lambda row: MOST_LASTING.index(row[0]))
        kinds = tuple(dict.fromkeys(kind for kind, _, _ in same))
        out.append(Place(same[0][1], kinds, same[0][2]))
    return out


def _row(place: Place) -> tuple[str, ...]:
    info = place.info
    scores = format_percent(info.test_accuracy), format_loss(info.test_loss)
    return " ".join(place.kinds), str(info.epoch), f"{info.step:,}", *scores


class Fields(Vertical):
    BINDINGS = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]


class BranchDialog(ModalScreen[Branch | None]):
    """Gives what starts the branch, and what it has told so far; or None. It is of the app's run,
    or of that in a folder, where the cursor begins on one of its checkpoints."""

    CSS_PATH = "branch_dialog.tcss"
    AUTO_FOCUS = "DataTable"
    BINDINGS = [
        # Before the table's own, which a click on a row does too.
        Binding("enter", "enter", "Branch", show=False, priority=True),
        Binding("escape", "dismiss(None)", "Back", show=False),
    ]

    @dataclass
    class Found(Message):
        """The run's folder has been read."""

        places: list[Place]

    @dataclass
    class Made(Message):
        branch: Branch

    @dataclass
    class Refused(Message):
        why: str

    def __init__(self, folder: Path | None = None, chosen: Path | None = None) -> None:
        super().__init__()
        self._folder, self._begin_on = folder, chosen
        self._places: list[Place] = []
        self._filled: dict[str, str] = {}  # what was put into the fields
        self._making = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Go back and branch"
            dialog.border_subtitle = "↑ ↓ choose · tab settings · enter branches · esc back"
            with Horizontal(id="choices"):
                yield DataTable(cursor_type="row")
                with Fields(id="fields"):
                    for name, label in LABELS.items():
                        with Horizontal(classes="field"):
                            yield Label(label)
                            yield NumberInput(restrict=r"[0-9.e+-]*", compact=True, id=name)
            yield Static("reading the run's checkpoints …", id="said")
            with Horizontal(id="buttons"):
                yield Button(
                    "Branch here", id="branch", variant="success", compact=True, disabled=True
                )
                yield Button("Back", id="back", compact=True, action="screen.dismiss(None)")

    @property
    def _state(self) -> RunState:
        return app_of(self).run_state

    def on_mount(self) -> None:
        self.watch(self.app, "run_state", self._follow, init=False)
        self.reload()

    def _follow(self, before: RunState, after: RunState) -> None:
        # At its end too: an epoch's checkpoint comes after the last, at the same step.
        if (before.marks, before.phase) != (after.marks, after.phase) and not self._making:
            self.reload()

    def reload(self) -> None:
        if self._folder:
            self._read(self._folder, sys.maxsize)
        elif self._state.started:
            self._read(Path(self._state.started.folder), self._state.step)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self, folder: Path, step: int) -> None:
        """Headers alone, so it needs no torch and may run beside the engine."""
        self.post_message(self.Found(places(folder, step)))

    def on_branch_dialog_found(self, message: Found) -> None:
        table: DataTable[Text] = self.query_one(DataTable)
        chosen, self._places = self._chosen(), message.places
        fill_table(table, COLUMNS, [_row(place) for place in self._places])
        digests = [place.info.digest for place in self._places]
        if chosen and chosen.info.digest in digests:
            table.move_cursor(row=digests.index(chosen.info.digest))
        elif self._begin_on:
            table.move_cursor(row=self._row_of(self._begin_on))
        self._fill()

    def _row_of(self, path: Path) -> int:
        """That of the checkpoint in the file, which may have other names."""
        with suppress(CheckpointError):
            digest = read_info(path).digest
            found = (row for row, each in enumerate(self._places) if each.info.digest == digest)
            return next(found, 0)
        return 0

    def _epochs(self, place: Place) -> int:
        """To how many the run goes. Its end may have been set further away since the checkpoint."""
        if self._folder is None and self._state.started:
            return self._state.started.epochs
        described = read_description(place.path.parent).get("config")
        known = described if isinstance(described, dict) else {}
        return known.get("epochs", place.info.config.get("epochs", FIELDS["epochs"].default))

    def _chosen(self) -> Place | None:
        row = self.query_one(DataTable).cursor_row
        return self._places[row] if 0 <= row < len(self._places) else None

    @on(DataTable.RowHighlighted)
    def _fill(self) -> None:
        """Puts the settings that the run had there into the fields that nobody has changed."""
        chosen = self._chosen()
        if chosen:
            settings: dict[str, Any] = chosen.info.config | {"epochs": self._epochs(chosen)}
            for name in LABELS:
                field = self.query_one(f"#{name}", NumberInput)
                value = settings.get(name, FIELDS[name].default)
                text = f"{value:g}" if isinstance(value, float) else str(value)
                if field.value == self._filled.get(name, ""):
                    field.value = text
                self._filled[name] = text
        self._check()

    @on(Input.Changed)
    def _check(self) -> None:
        """Says what is wrong, or what the branch will be."""
        if self._making:
            return
        chosen, wrong = self._chosen(), ""
        for name in LABELS:
            why = self._problem(name, chosen)
            self.query_one(f"#{name}").set_class(bool(why), "wrong")
            wrong = wrong or why
        if chosen is None:
            self._say("the run has no checkpoint to go back to")
        elif wrong:
            self._say(f"✗ {wrong}", wrong=True)
        else:
            info = chosen.info
            changes = ", ".join(
                f"{LABELS[name].lower()} {self._filled[name]} → {self._text(name)}"
                for name in self._changed()
            )
            epochs = "1 epoch" if info.epoch == 1 else f"{info.epoch} epochs"
            where = f"From step {info.step:,}, after {epochs}"
            self._say(f"{where}: {changes or 'nothing changed, so it goes the same way again'}")
        self.query_one("#branch", Button).disabled = chosen is None or bool(wrong)

    def _problem(self, name: str, chosen: Place | None) -> str:
        try:
            value = parse(name, self._text(name))
        except UserError:
            return f"{LABELS[name]} must be {describe_allowed(name)}"
        if name == "epochs" and chosen and value <= chosen.info.epoch:
            behind = f"Epochs must be more than the {chosen.info.epoch} behind this checkpoint"
            return f"{behind}: raise it, or choose an earlier one"
        return ""

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", NumberInput).value

    def _changed(self) -> list[str]:
        return [name for name in LABELS if self._text(name) != self._filled.get(name)]

    def _say(self, text: str, *, wrong: bool = False) -> None:
        line = self.query_one("#said", Static)
        line.update(Content(text))
        line.set_class(wrong, "wrong")

    def action_enter(self) -> None:
        if isinstance(self.focused, Button):
            self.focused.press()
        else:
            self.branch()

    @on(Button.Pressed, "#branch")
    def branch(self) -> None:
        self._check()  # of what was typed last nobody may have told us yet
        chosen = self._chosen()
        if self._making or chosen is None or self.query_one("#branch", Button).disabled:
            return
        self._making = True
        self._say("making the branch …")
        self._make(chosen, {name: parse(name, self._text(name)) for name in self._changed()})

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _make(self, place: Place, changes: dict[str, Any]) -> None:
        """While the run goes on: it is only read, and what it saves next cannot come between."""
        try:
            if read_info(place.path).digest != place.info.digest:
                raise CheckpointError("that checkpoint has been replaced meanwhile: choose again")
            config, resume_point = branch(place.path, changes, place.path.parent.parent)
            made = Start(config, resume_point), read_run(resume_point.folder)
        except Exception as error:  # whatever it is, another can be chosen
            self.post_message(self.Refused(first_line(error)))
        else:
            self.post_message(self.Made(made))

    def on_branch_dialog_made(self, message: Made) -> None:
        self.dismiss(message.branch)

    def on_branch_dialog_refused(self, message: Refused) -> None:
        self._making = False
        self.notify(message.why, severity="error", markup=False, timeout=8)
        self.reload()

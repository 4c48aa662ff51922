"""Keeping runs tidy, from a view that has one of them under its cursor: stars, notes, names, and a
trash from which everything comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from core.errors import UserError, first_line
from core.runs.catalog import CheckpointFile, RunInfo, read_notes
from tui.screens.base import View
from tui.text.formats import format_size, printable

if TYPE_CHECKING:
    from core.runs.manage import Pruned

WITH_DIALOG = ("note_run", "rename_run", "prune_run")


class Tidying(View):
    """A view of runs. What it does to their files it does in a thread: a disk may be slow."""

    TIDYING: ClassVar[list[BindingType]] = [
        Binding("asterisk", "star_run", "Star", key_display="*", show=False),
        Binding("n", "note_run", "Note", show=False),
        Binding("R", "rename_run", "Rename", show=False),
        Binding("D", "delete_run", "Delete run", show=False),
        Binding("delete", "delete_checkpoint", "Delete file", key_display="del", show=False),
        Binding("U", "bring_back", "Bring back", show=False),
        Binding("P", "prune_run", "Prune", show=False),
    ]
    # For the help.
    TIDYING_GUIDE: ClassVar[dict[str, str]] = {
        "*": "a star for the run, or none",
        "n": "a note on the run, one line",
        "R": "another name for the run",
        "D": "move the run to the trash",
        "del": "move the one checkpoint to the trash",
        "U": "bring back what was last moved to the trash",
        "P": "prune the run: its best and last checkpoint stay, the rest goes to the trash",
    }

    def __init__(self) -> None:
        super().__init__()
        self._turn = asyncio.Lock()

    def chosen(self) -> CheckpointFile | None:
        """The checkpoint under the cursor."""
        raise NotImplementedError

    def chosen_run(self) -> RunInfo | None:
        """The run under the cursor, or the one of the checkpoint there."""
        raise NotImplementedError

    def reload(self) -> None:
        """Reads the folder again, beside the screen."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in WITH_DIALOG and self.is_too_small:
            return False
        return super().check_action(action, parameters)

    @work(group="tidying", exit_on_error=False)
    async def _tidy(
        self, act: Callable[[], Any], then: Callable[[Any], None] | None = None
    ) -> None:
        """One after the other, as a person has asked for them. What comes of it is to be said,
        unless there is something else to do with it."""
        async with self._turn:
            try:
                came, failed = await asyncio.to_thread(act), False
            except Exception as error:  # whatever it is, the app lives on
                came, failed = _why(error), True
        if failed or then is None:
            self._tell(came, "error" if failed else "information")
        else:
            then(came)

    def _tell(self, said: str, severity: Literal["information", "error"]) -> None:
        if said:
            self.notify(printable(said), severity=severity, markup=False)
        self.reload()

    def action_star_run(self) -> None:
        if run := self.chosen_run():
            self._tidy(partial(_star, run.folder))

    def action_note_run(self) -> None:
        if run := self.chosen_run():
            from core.runs.manage import LONGEST_NOTE, note

            ask = Ask("Note", run.note, partial(note, run.folder), run.name, LONGEST_NOTE)
            self.app.push_screen(ask, lambda said: None if said is None else self.reload())

    def action_rename_run(self) -> None:
        if run := self.chosen_run():
            from core.runs.manage import LONGEST_NAME, rename

            said = f"{run.name} is to be called:"
            ask = Ask("Rename", run.name, partial(rename, run.folder), said, LONGEST_NAME)
            self.app.push_screen(ask, partial(self._renamed, run.folder))

    def _renamed(self, before: Path, now: Path | None) -> None:
        if now is None:
            return
        from tui.state.history import follow_rename

        # The run may be the app's own, whose checkpoint is opened for predictions.
        app = self.mnist
        app.run_state = follow_rename(app.run_state, before, now)
        app.overlaid_runs = tuple(follow_rename(each, before, now) for each in app.overlaid_runs)
        self.reload()

    def action_delete_run(self) -> None:
        if run := self.chosen_run():
            self._tidy(partial(_delete, run.folder))

    def action_delete_checkpoint(self) -> None:
        if checkpoint := self.chosen():
            self._tidy(partial(_delete, checkpoint.path))
        else:
            self.action_delete_run()

    def action_bring_back(self) -> None:
        self._tidy(partial(_bring_back, self.mnist.config.folder))

    def action_prune_run(self) -> None:
        if run := self.chosen_run():
            from core.runs.manage import prunable

            self._tidy(partial(prunable, run.folder), partial(self._ask_to_prune, run.folder))

    def _ask_to_prune(self, place: Path, found: Pruned) -> None:
        if not found.files:
            self._tell(f"{found.run} has no more than its best and last checkpoint", "information")
        elif self.is_current:  # nobody has gone elsewhere meanwhile
            ask = ConfirmPrune(found.run, len(found.files), found.bytes)
            self.app.push_screen(ask, partial(self._answered_prune, place))

    def _answered_prune(self, place: Path, yes: bool | None) -> None:
        if yes:
            self._tidy(partial(_prune, place))


def _why(error: Exception) -> str:
    # There may be line breaks in a run's name.
    return str(error) if isinstance(error, UserError) else first_line(error)


def _star(place: Path) -> str:
    from core.runs.manage import star

    star(place, not read_notes(place)[1])
    return ""  # it is seen


def _delete(what: Path) -> str:
    from core.runs.manage import delete

    return f"{delete(what).what} is in the trash; press U to bring it back"


def _bring_back(folder: Path) -> str:
    from core.runs.trash import list_trash, restore

    trashed = list_trash(folder)
    if not trashed:
        return "there is nothing in the trash to bring back"
    restore(trashed[0])
    return f"{trashed[0].what} is back"


def _prune(place: Path) -> str:
    from core.runs.manage import prune

    trashed = prune(place).trashed
    return f"{trashed.what}: in the trash; press U to bring back" if trashed else ""


class Ask(ModalScreen[Any]):
    """A line of text, for something that may be refused: then it says why, and can be put right.
    Gives what came of it; None where a person went back."""

    CSS_PATH = "manage_actions.tcss"
    AUTO_FOCUS = "#text"
    BINDINGS = [Binding("escape", "dismiss(None)", "Back", show=False)]

    @dataclass
    class Answered(Message):
        came: Any

    @dataclass
    class Refused(Message):
        why: str

    def __init__(
        self, title: str, text: str, act: Callable[[str], Any], said: str, longest: int
    ) -> None:
        super().__init__()
        self._heading, self._text, self._act, self._of = title, text, act, said
        self._longest, self._trying = longest, False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._heading
            dialog.border_subtitle = "enter applies · esc back"
            yield Static(Content(printable(self._of)), id="of")
            yield Input(printable(self._text), max_length=self._longest, compact=True, id="text")
            yield Static(id="said")
            with Horizontal(id="buttons"):
                yield Button(
                    "Apply", id="apply", variant="success", compact=True, action="screen.apply"
                )
                yield Button("Back", id="back", compact=True, action="screen.dismiss(None)")

    @on(Input.Submitted)
    def action_apply(self) -> None:
        if not self._trying:
            self._trying = True
            self._try(self.query_one(Input).value)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _try(self, text: str) -> None:
        try:
            came = self._act(text)
        except Exception as error:  # whatever it is, the app lives on
            self.post_message(self.Refused(_why(error)))
        else:
            self.post_message(self.Answered(came))

    def on_ask_answered(self, message: Answered) -> None:
        if self.is_current:  # a person may have gone back meanwhile
            self.dismiss(message.came)

    def on_ask_refused(self, message: Refused) -> None:
        self._trying = False
        self._say(f"✗ {printable(message.why)}")

    @on(Input.Changed)
    def _typing(self) -> None:
        self._say("")

    def _say(self, why: str) -> None:
        self.query_one("#said", Static).update(Content(why))
        self.query_one(Input).set_class(bool(why), "wrong")


class ConfirmPrune(ModalScreen[bool]):
    """True: prune."""

    CSS_PATH = "manage_actions.tcss"
    AUTO_FOCUS = "#prune"
    BINDINGS = [
        Binding("y", "dismiss(True)", "Prune", show=False),
        Binding("n,escape", "dismiss(False)", "Back", show=False),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, run: str, files: int, size: int) -> None:
        super().__init__()
        others = "One other" if files == 1 else f"{files} others"
        self._said = (
            f"{printable(run)} keeps its best and its last checkpoint. {others}, of epochs or "
            f"steps, would go to the trash, from which U brings back; once emptied that frees "
            f"{format_size(size)}."
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Prune"
            dialog.border_subtitle = "y prunes · esc back"
            yield Label(Content(self._said), id="of")
            with Horizontal(id="buttons"):
                yield Button(
                    "Prune (y)",
                    id="prune",
                    variant="success",
                    compact=True,
                    action="screen.dismiss(True)",
                )
                yield Button("Back (n)", id="back", compact=True, action="screen.dismiss(False)")

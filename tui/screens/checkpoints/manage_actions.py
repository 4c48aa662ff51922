"""Keeping runs tidy: stars, notes, names, and a trash from which everything can be restored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from textual.binding import Binding, BindingType

from core.errors import UserError, first_line
from core.runs.catalog import read_notes
from tui.screens.base import View
from tui.screens.checkpoints.rows import Entry
from tui.text.formats import printable

if TYPE_CHECKING:
    from core.runs.manage import Pruned

MANAGE_BINDINGS: list[BindingType] = [
    Binding("asterisk", "do('star')", "Star", key_display="*", show=False),
    Binding("n", "do('note')", "Note", show=False),
    Binding("R", "do('rename')", "Rename", show=False),
    Binding("D", "do('delete_run')", "Delete run", show=False),
    Binding("delete", "do('delete_checkpoint')", "Delete file", key_display="del", show=False),
    Binding("U", "do('restore')", "Restore", show=False),
    Binding("P", "do('prune')", "Prune", show=False),
]
MANAGE_HELP = {
    "*": "gives the run a star, or takes it away.",
    "n": "edits the note on the run, one line.",
    "R": "renames the run.",
    "D": "deletes the run: moves it to the trash.",
    "del": "deletes this one checkpoint: moves it to the trash.",
    "U": "restores what was deleted last.",
    "P": "prunes the run: deletes its checkpoints except the best and the last.",
}


class ManageActions:
    """What the keys of MANAGE_BINDINGS do to the run under the cursor of a view.

    Files are changed in a thread, since a disk may be slow, one action after the other.
    """

    def __init__(
        self, view: View, entry: Callable[[], Entry | None], reload: Callable[[], None]
    ) -> None:
        self._view, self._entry, self._reload = view, entry, reload
        self._lock = asyncio.Lock()

    def star(self) -> None:
        if entry := self._entry():
            self._act(partial(_star, entry.run.folder))

    def note(self) -> None:
        entry = self._entry()
        if entry and not self._view.is_too_small:
            from core.runs.manage import LONGEST_NOTE, set_note
            from tui.screens.checkpoints.manage_dialogs import EditDialog

            run = entry.run
            dialog = EditDialog(
                "Note", run.name, run.note, partial(set_note, run.folder), LONGEST_NOTE
            )
            self._view.app.push_screen(
                dialog, lambda note: None if note is None else self._reload()
            )

    def rename(self) -> None:
        entry = self._entry()
        if entry and not self._view.is_too_small:
            from core.runs.manage import LONGEST_NAME, rename
            from tui.screens.checkpoints.manage_dialogs import EditDialog

            run = entry.run
            act, label = partial(rename, run.folder), f"New name of {run.name}:"
            dialog = EditDialog("Rename", label, run.name, act, LONGEST_NAME)
            self._view.app.push_screen(dialog, partial(self._renamed, run.folder))

    def _renamed(self, before: Path, now: Path | None) -> None:
        if now is None:
            return
        from tui.state.history import follow_rename

        # The run may be the app's own, whose checkpoint is opened for predictions.
        app = self._view.mnist
        app.run_state = follow_rename(app.run_state, before, now)
        app.overlaid_runs = tuple(follow_rename(each, before, now) for each in app.overlaid_runs)
        self._reload()

    def delete_run(self) -> None:
        if entry := self._entry():
            self._act(partial(_delete, entry.run.folder))

    def delete_checkpoint(self) -> None:
        if entry := self._entry():
            checkpoint = entry.checkpoint
            self._act(partial(_delete, checkpoint.path if checkpoint else entry.run.folder))

    def restore(self) -> None:
        self._act(partial(_restore, self._view.mnist.config.folder))

    def prune(self) -> None:
        entry = self._entry()
        if entry and not self._view.is_too_small:
            from core.runs.manage import prune

            folder = entry.run.folder
            self._act(partial(prune, folder, dry_run=True), partial(self._confirm_prune, folder))

    def _confirm_prune(self, folder: Path, found: Pruned) -> None:
        if not found.files:
            self._report(f"{found.run} has only its best and last checkpoint.", "information")
        elif self._view.is_current:
            from tui.screens.checkpoints.manage_dialogs import PruneDialog

            dialog = PruneDialog(found.run, len(found.files), found.bytes)
            self._view.app.push_screen(
                dialog, lambda yes: self._act(partial(_prune, folder)) if yes else None
            )

    def _act(self, act: Callable[[], Any], then: Callable[[Any], None] | None = None) -> None:
        """Call `act` in a thread. Give its result to `then`, or show it as a message."""
        self._view.run_worker(self._run(act, then), group="manage", exit_on_error=False)

    async def _run(self, act: Callable[[], Any], then: Callable[[Any], None] | None) -> None:
        async with self._lock:
            try:
                result = await asyncio.to_thread(act)
            except Exception as error:  # a failing disk must not end the app
                self._report(reason(error), "error")
                return
        if then:
            then(result)
        else:
            self._report(result, "information")

    def _report(self, message: str, severity: Literal["information", "error"]) -> None:
        if message:
            self._view.notify(printable(message), severity=severity, markup=False)
        self._reload()


def reason(error: Exception) -> str:
    """Return the whole message of a UserError: a name in it may have line breaks."""
    return str(error) if isinstance(error, UserError) else first_line(error)


def _star(folder: Path) -> str:
    from core.runs.manage import set_star

    set_star(folder, not read_notes(folder)[1])
    return ""


def _delete(path: Path) -> str:
    from core.runs.manage import delete

    return f"{delete(path).what} is in the trash. Press U to restore it."


def _restore(folder: Path) -> str:
    from core.runs.trash import list_trash, restore

    trashed = list_trash(folder)
    if not trashed:
        return "The trash is empty."
    restore(trashed[0])
    return f"{trashed[0].what} restored."


def _prune(folder: Path) -> str:
    from core.runs.manage import prune

    trashed = prune(folder).trashed
    return f"{trashed.what} in the trash. Press U to restore." if trashed else ""

"""What the browser's keys do to a run: resume it, branch from it, and keep runs tidy by stars,
notes, names and a trash from which everything can be restored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from textual.binding import Binding, BindingType

from core.commands import Start
from core.errors import UsageError, first_line
from core.runs import manage, trash
from core.runs.catalog import RunInfo, list_run_checkpoints, read_notes
from tui.screens.base import View
from tui.screens.checkpoints.listing.rows import Entry
from tui.screens.checkpoints.manage_dialogs import EditDialog, PruneDialog, error_message
from tui.state.further import prepare_further
from tui.state.history import folder_of, follow_rename
from tui.state.run_state import RunState
from tui.text.formats import printable

RUN_BINDINGS: list[BindingType] = [
    Binding("plus", "run('further')", "Train further", key_display="+"),
    Binding("b", "run('branch')", "Branch"),
    Binding("asterisk", "run('star')", "Star", key_display="*", show=False),
    Binding("N", "run('note')", "Note", show=False),
    Binding("R", "run('rename')", "Rename", show=False),
    Binding("D", "run('delete_run')", "Delete run", show=False),
    Binding("delete", "run('delete_checkpoint')", "Delete file", key_display="del", show=False),
    Binding("u", "run('restore')", "Undo", show=False),
    Binding("U", "run('delete_again')", "Redo", show=False),
    Binding("P", "run('prune')", "Prune", show=False),
]
RUN_HELP = {
    "+": "trains the run further: continues an unfinished run where it stopped, with the same "
    "result as an uninterrupted one, and asks how many epochs to add to a finished run.",
    "branch": "b starts a new run from this checkpoint, of a run from its newest, with other "
    "settings.",
    "*": "gives the run a star, or takes it away.",
    "N": "edits the note on the run, one line.",
    "R": "renames the run.",
    "D": "deletes the run: moves it to the trash.",
    "del": "deletes this one checkpoint: moves it to the trash.",
    "u U": "restores what was deleted last; deletes it again.",
    "P": "prunes the run: deletes its checkpoints except the best and the last.",
}
MORE_EPOCHS = 1  # suggested for a finished run whose own number is unknown


class RunActions:
    """What the keys of RUN_BINDINGS do to the run under the cursor of a view.

    Files are changed in a thread, since a disk may be slow, one action after the other.
    """

    def __init__(
        self, view: View, entry: Callable[[], Entry | None], reload: Callable[[], None]
    ) -> None:
        self._view, self._entry, self._reload = view, entry, reload
        self._lock = asyncio.Lock()
        self._restored: list[trash.Trashed] = []  # what can be deleted again, the newest last

    # To train

    def further(self) -> None:
        """Resume an unfinished run; ask how many epochs to add to a finished one."""
        entry, view = self._entry(), self._view
        if entry is None:
            return
        run, data = entry.run, view.mnist.config.data
        if run.is_live and self._is_ours(run.folder):
            self._refuse(f"{run.name} is running in this app.")
        elif run.is_live:
            process = run.description.get("pid")
            hint = "To attach, press enter."
            self._refuse(f"{run.name} is running in process {process}. {hint}")
        elif run.status == "finished" and not view.is_too_small:
            act = partial(_prepare_more, run.folder, data)
            label = f"{run.name} has finished. Epochs to add:"
            again = str(entry.epochs or MORE_EPOCHS)
            dialog = EditDialog("Train further", label, again, act)
            view.app.push_screen(dialog, self._start)
        else:
            resume = self._resume(run.folder)
            view.run_worker(resume, exclusive=True, exit_on_error=False, group="resume")

    def _is_ours(self, folder: Path) -> bool:
        state = self._view.mnist.run_state
        return state.is_active and Path(folder_of(state) or "").resolve() == folder.resolve()

    async def _resume(self, folder: Path) -> None:
        try:
            start = await asyncio.to_thread(prepare_further, folder, self._view.mnist.config.data)
        except Exception as error:  # a run that cannot be resumed must not end the app
            self._refuse(first_line(error))
        else:
            self._start(start)

    def branch(self) -> None:
        entry, view = self._entry(), self._view
        if entry is None or view.is_too_small:
            return
        run = entry.run
        if not any(each.info for each in run.checkpoints):
            self._refuse(f"{run.name} has no readable checkpoint to branch from.")
        else:
            from tui.screens.branch_dialog import BranchDialog

            path = entry.newest.path if entry.newest else None
            view.app.push_screen(BranchDialog(run.folder, path), self._start)

    def _start(self, start: tuple[Start, RunState] | None) -> None:
        if start:
            self._view.mnist.start_next(*start)
            self._view.mnist.action_view("train")

    def _refuse(self, why: str) -> None:
        self._view.notify(printable(why), severity="warning", markup=False, timeout=8)

    # To keep runs tidy

    def star(self) -> None:
        if entry := self._entry():
            self._act(partial(_star, entry.run.folder))

    def note(self) -> None:
        if run := self._run_for_dialog():
            act = partial(manage.set_note, run.folder)
            dialog = EditDialog("Note", run.name, run.note, act)
            self._view.app.push_screen(dialog, lambda note: self._reload())

    def rename(self) -> None:
        if run := self._run_for_dialog():
            act, label = partial(manage.rename, run.folder), f"New name of {run.name}:"
            dialog = EditDialog("Rename", label, run.name, act)
            self._view.app.push_screen(dialog, partial(self._renamed, run.folder))

    def _run_for_dialog(self) -> RunInfo | None:
        entry = self._entry()
        return entry.run if entry and not self._view.is_too_small else None

    def _renamed(self, before: Path, now: Path | None) -> None:
        if now is None:
            return
        # The run may be the app's own, whose checkpoint is opened for predictions.
        app = self._view.mnist
        app.run_state = follow_rename(app.run_state, before, now)
        app.overlaid_runs = tuple(follow_rename(each, before, now) for each in app.overlaid_runs)
        self._reload()

    def delete_run(self) -> None:
        if entry := self._entry():
            self._delete(entry.run.folder)

    def delete_checkpoint(self) -> None:
        entry = self._entry()
        if entry and entry.file:
            self._delete(entry.file.path)
        elif entry:
            self._refuse("This row is a run. → shows its checkpoints; D deletes the whole run.")

    def _delete(self, path: Path) -> None:
        self._restored.clear()
        self._act(partial(_delete, path))

    def restore(self) -> None:
        """Restore what was deleted last."""
        self._act(partial(_restore, self._view.mnist.config.folder), self._show_restored)

    def _show_restored(self, restored: trash.Trashed | None) -> None:
        if restored is None:
            self._report("The trash is empty.")
        else:
            self._restored.append(restored)
            self._report(f"{restored.what} restored. Press U to delete it again.")

    def delete_again(self) -> None:
        """Delete what was restored last."""
        self._act(self._delete_restored)

    def _delete_restored(self) -> str:
        if not self._restored:
            return "Nothing was restored that can be deleted again."
        return _delete_again(self._restored.pop())

    def prune(self) -> None:
        if run := self._run_for_dialog():
            find = partial(manage.prune, run.folder, dry_run=True)
            self._act(find, partial(self._confirm_prune, run.folder))

    def _confirm_prune(self, folder: Path, found: manage.Pruned) -> None:
        if not found.files:
            self._report(f"{found.run} has only its best and last checkpoint.")
        elif self._view.is_current:
            dialog = PruneDialog(found.run, len(found.files), found.bytes)
            self._view.app.push_screen(dialog, lambda yes: self._prune(folder) if yes else None)

    def _prune(self, folder: Path) -> None:
        self._restored.clear()
        self._act(partial(_prune, folder))

    def _act(self, act: Callable[[], Any], then: Callable[[Any], None] | None = None) -> None:
        """Call `act` in a thread. Give its result to `then`, or show it as a message."""
        run = self._run(act, then or self._report)
        self._view.run_worker(run, group="manage", exit_on_error=False)

    async def _run(self, act: Callable[[], Any], then: Callable[[Any], None]) -> None:
        async with self._lock:
            try:
                result = await asyncio.to_thread(act)
            except Exception as error:  # a failing disk must not end the app
                self._report(error_message(error), "error")
            else:
                then(result)

    def _report(
        self, message: str, severity: Literal["information", "error"] = "information"
    ) -> None:
        if message:
            self._view.notify(printable(message), severity=severity, markup=False)
        self._reload()


def _prepare_more(folder: Path, data: str | None, more: str) -> tuple[Start, RunState]:
    """Check that a finished run can be trained for more epochs, and read its record."""
    if not more.strip().isdecimal() or not int(more):
        raise UsageError("the number of epochs must be a whole number above 0")
    checkpoints = list_run_checkpoints(folder)
    done = max((each.info.epoch for each in checkpoints if each.info), default=0)
    return prepare_further(folder, data, done + int(more))


def _star(folder: Path) -> str:
    manage.set_star(folder, not read_notes(folder)[1])
    return ""


def _delete(path: Path) -> str:
    return f"{manage.delete(path).what} is in the trash. Press u to restore it."


def _restore(folder: Path) -> trash.Trashed | None:
    trashed = trash.list_trash(folder)
    if trashed:
        trash.restore(trashed[0])
    return trashed[0] if trashed else None


def _delete_again(restored: trash.Trashed) -> str:
    run = restored.folder / restored.run
    if len(restored.files) > 1:  # only pruning deletes several files
        return _prune(run)
    return _delete(run.joinpath(*restored.files))


def _prune(folder: Path) -> str:
    trashed = manage.prune(folder).trashed
    return f"{trashed.what} in the trash. Press u to restore." if trashed else ""

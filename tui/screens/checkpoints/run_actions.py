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
from core.errors import first_line
from core.runs import manage, trash
from core.runs.catalog import RunInfo, read_notes
from tui.screens.base import View
from tui.screens.checkpoints.manage_dialogs import EditDialog, PruneDialog, error_message
from tui.screens.checkpoints.rows import Entry
from tui.state.history import folder_of, follow_rename, read_run
from tui.state.run_state import RunState
from tui.text.formats import printable

RUN_BINDINGS: list[BindingType] = [
    Binding("u", "run('resume')", "Resume"),
    Binding("b", "run('branch')", "Branch"),
    Binding("asterisk", "run('star')", "Star", key_display="*", show=False),
    Binding("n", "run('note')", "Note", show=False),
    Binding("R", "run('rename')", "Rename", show=False),
    Binding("D", "run('delete_run')", "Delete run", show=False),
    Binding("delete", "run('delete_checkpoint')", "Delete file", key_display="del", show=False),
    Binding("U", "run('restore')", "Restore", show=False),
    Binding("P", "run('prune')", "Prune", show=False),
]
RUN_HELP = {
    "resume": "u continues the run where it stopped: same result as an uninterrupted run.",
    "branch": "b starts a new run from this checkpoint, with other settings.",
    "*": "gives the run a star, or takes it away.",
    "n": "edits the note on the run, one line.",
    "R": "renames the run.",
    "D": "deletes the run: moves it to the trash.",
    "del": "deletes this one checkpoint: moves it to the trash.",
    "U": "restores what was deleted last.",
    "P": "prunes the run: deletes its checkpoints except the best and the last.",
}


class RunActions:
    """What the keys of RUN_BINDINGS do to the run under the cursor of a view.

    Files are changed in a thread, since a disk may be slow, one action after the other.
    """

    def __init__(
        self, view: View, entry: Callable[[], Entry | None], reload: Callable[[], None]
    ) -> None:
        self._view, self._entry, self._reload = view, entry, reload
        self._lock = asyncio.Lock()

    # To train

    def resume(self) -> None:
        entry = self._entry()
        if entry is None:
            return
        run = entry.run
        if run.is_live and self._is_ours(run.folder):
            self._refuse(f"{run.name} is running in this app.")
        elif run.is_live:
            process = run.description.get("pid")
            hint = "To attach, press enter on its row of kind now."
            self._refuse(f"{run.name} is running in process {process}. {hint}")
        elif run.status == "finished":
            self._refuse(f"{run.name} has finished. Branch from it (b) to train more epochs.")
        else:
            resume = self._resume(run.folder)
            self._view.run_worker(resume, exclusive=True, exit_on_error=False, group="resume")

    def _is_ours(self, folder: Path) -> bool:
        state = self._view.mnist.run_state
        return state.is_active and Path(folder_of(state) or "").resolve() == folder.resolve()

    async def _resume(self, folder: Path) -> None:
        try:
            start = await asyncio.to_thread(_prepare, folder, self._view.mnist.config.data)
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

            path = entry.checkpoint.path if entry.checkpoint else None
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
            self._act(partial(_delete, entry.run.folder))

    def delete_checkpoint(self) -> None:
        if entry := self._entry():
            checkpoint = entry.checkpoint
            self._act(partial(_delete, checkpoint.path if checkpoint else entry.run.folder))

    def restore(self) -> None:
        self._act(partial(_restore, self._view.mnist.config.folder))

    def prune(self) -> None:
        if run := self._run_for_dialog():
            find = partial(manage.prune, run.folder, dry_run=True)
            self._act(find, partial(self._confirm_prune, run.folder))

    def _confirm_prune(self, folder: Path, found: manage.Pruned) -> None:
        if not found.files:
            self._report(f"{found.run} has only its best and last checkpoint.")
        elif self._view.is_current:
            dialog = PruneDialog(found.run, len(found.files), found.bytes)
            self._view.app.push_screen(
                dialog, lambda yes: self._act(partial(_prune, folder)) if yes else None
            )

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
                return
        then(result)

    def _report(
        self, message: str, severity: Literal["information", "error"] = "information"
    ) -> None:
        if message:
            self._view.notify(printable(message), severity=severity, markup=False)
        self._reload()


def _prepare(folder: Path, data: str | None) -> tuple[Start, RunState]:
    """Check that a run can be resumed, and read its record."""
    from core.runs.resume import prepare_resume

    config, resume_point = prepare_resume(str(folder), folder.parent, data=data)
    return Start(config, resume_point), read_run(folder)


def _star(folder: Path) -> str:
    manage.set_star(folder, not read_notes(folder)[1])
    return ""


def _delete(path: Path) -> str:
    return f"{manage.delete(path).what} is in the trash. Press U to restore it."


def _restore(folder: Path) -> str:
    trashed = trash.list_trash(folder)
    if not trashed:
        return "The trash is empty."
    trash.restore(trashed[0])
    return f"{trashed[0].what} restored."


def _prune(folder: Path) -> str:
    trashed = manage.prune(folder).trashed
    return f"{trashed.what} in the trash. Press U to restore." if trashed else ""

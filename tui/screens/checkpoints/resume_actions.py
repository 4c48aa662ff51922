"""Resuming a listed run, and branching from one of its checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from core.commands import Start
from core.errors import first_line
from core.runs.description import is_imported
from tui.screens.base import View
from tui.screens.checkpoints.rows import Entry
from tui.state.history import folder_of
from tui.state.run_state import RunState
from tui.text.formats import printable


class ResumeActions:
    """What `u` and `b` do to the run under the cursor of a view."""

    def __init__(self, view: View, entry: Callable[[], Entry | None]) -> None:
        self._view, self._entry = view, entry

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
            prepare = partial(self._prepare, run.folder, self._view.mnist.config.data)
            self._view.run_worker(
                prepare, thread=True, exclusive=True, exit_on_error=False, group="resume"
            )

    def _is_ours(self, folder: Path) -> bool:
        state = self._view.mnist.run_state
        return state.is_active and Path(folder_of(state) or "").resolve() == folder.resolve()

    def _prepare(self, folder: Path, data: str | None) -> None:
        """Check the run and read its record, in a thread."""
        from core.runs.resume import prepare_resume
        from tui.state.history import read_run

        try:
            config, resume_point = prepare_resume(str(folder), folder.parent, data=data)
            start = Start(config, resume_point), read_run(folder)
        except Exception as error:  # a run that cannot be resumed must not end the app
            self._view.call_later(self._refuse, first_line(error))
        else:
            self._view.call_later(self._start, start)

    def branch(self) -> None:
        entry, view = self._entry(), self._view
        if entry is None or view.is_too_small:
            return
        run = entry.run
        if not any(each.info for each in run.checkpoints):
            self._refuse(f"{run.name} has no readable checkpoint to branch from.")
        elif is_imported(run.description):
            self._refuse(f"{run.name} was imported: it has no training to branch from.")
        else:
            from tui.screens.branch_dialog import BranchDialog

            chosen = entry.checkpoint
            view.app.push_screen(
                BranchDialog(run.folder, chosen.path if chosen else None), self._start
            )

    def _start(self, start: tuple[Start, RunState] | None) -> None:
        if start:
            self._view.mnist.start_next(*start)
            self._view.mnist.action_view("train")

    def _refuse(self, why: str) -> None:
        self._view.notify(printable(why), severity="warning", markup=False, timeout=8)

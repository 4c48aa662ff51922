"""To go on with a run that is listed: exactly as it was, or as a branch of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message

from core.commands import Start
from core.errors import first_line
from core.runs.catalog import CheckpointFile, RunInfo
from core.runs.description import is_imported
from tui.screens.base import View
from tui.text.formats import printable

if TYPE_CHECKING:
    from tui.screens.branch_dialog import Branch

GOING_ON: list[BindingType] = [
    Binding("u", "take_up", "Take up"),
    Binding("b", "branch", "Branch"),
]


class GoingOn(View):
    """A view in which a run is chosen."""

    @dataclass
    class TakenUp(Message):
        """How the chosen run goes on; or why it does not."""

        branch: Branch | None
        why: str = ""

    def chosen(self) -> CheckpointFile | None:
        return None

    def chosen_run(self) -> RunInfo | None:
        return None

    def action_take_up(self) -> None:
        run = self.chosen_run()
        if run is None:
            return
        if run.is_live:
            by = "this app" if self._is_ours(run) else f"process {run.description.get('pid')}"
            self._refuse(f"{run.name} is going on, in {by}")
        elif run.status == "finished":
            self._refuse(f"{run.name} has finished its epochs: b branches from it, with more")
        else:
            self._take_up(run.folder)

    def _is_ours(self, run: RunInfo) -> bool:
        started = self.mnist.run_state.started
        return self.mnist.run_state.active and bool(
            started and Path(started.folder).resolve() == run.folder.resolve()
        )

    @work(thread=True, exclusive=True, exit_on_error=False, group="going on")
    def _take_up(self, folder: Path) -> None:
        from core.runs.resume import prepare_resume
        from tui.state.history import read_run

        try:
            config, resume_point = prepare_resume(
                str(folder), folder.parent, data=self.mnist.config.data
            )
            made = Start(config, resume_point), read_run(folder)
        except Exception as error:  # whatever it is, another run may go on
            self.post_message(self.TakenUp(None, first_line(error)))
        else:
            self.post_message(self.TakenUp(made))

    def on_going_on_taken_up(self, message: TakenUp) -> None:
        if message.branch is None:
            self._refuse(message.why)
        else:
            self._go_on(message.branch)

    def action_branch(self) -> None:
        run, chosen = self.chosen_run(), self.chosen()
        if run is None or self.is_too_small:
            return
        if not any(each.info for each in run.checkpoints):
            self._refuse(f"{run.name} has no whole checkpoint to branch from")
            return
        if is_imported(run.description):
            self._refuse(f"{run.name} was imported: there is no training to branch from")
            return
        from tui.screens.branch_dialog import BranchDialog

        dialog = BranchDialog(run.folder, chosen.path if chosen else None)
        self.app.push_screen(dialog, lambda branch: self._go_on(branch) if branch else None)

    def _go_on(self, branch: Branch) -> None:
        self.mnist.start_next(*branch)
        self.mnist.action_view("train")

    def _refuse(self, why: str) -> None:
        self.notify(printable(why), severity="warning", markup=False, timeout=8)

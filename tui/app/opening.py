"""What `open` opens: dialogs, and what comes after a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands import SetLearningRate, StartRace
from core.errors import first_line
from tui.app.views import find_form
from tui.state.further import more_epochs, prepare_further
from tui.state.run_state import RunState
from tui.text.formats import printable

if TYPE_CHECKING:
    from tui.app.app import MnistApp


def open_learning_rate(app: MnistApp) -> None:
    from tui.screens.number_dialogs import LearningRateDialog

    def change(rate: float | None) -> None:
        if rate:
            app.send(SetLearningRate(rate))

    app.push_screen(LearningRateDialog(), change)


def open_branch(app: MnistApp) -> None:
    from tui.screens.branch_dialog import BranchDialog

    app.push_screen(BranchDialog(), lambda branch: app.start_next(*branch) if branch else None)


def open_race(app: MnistApp) -> None:
    from tui.screens.race.setup_dialog import RaceDialog

    def start(command: StartRace | None) -> None:
        if command:
            app.race.start(command)

    app.push_screen(RaceDialog(app.requests.next_config()), start)


def continue_race(app: MnistApp) -> None:
    app.race.resume_whole()


def open_race_of_run(app: MnistApp) -> None:
    """Open the race that the run under the cursor is of; in other views, the run that is shown."""
    from core.race.record import find_race_with
    from tui.screens.checkpoints.browser import CheckpointBrowser

    run = Path(app.run_state.started.folder) if app.run_state.started else None
    if isinstance(app.view, CheckpointBrowser):
        entry = app.view.rows.entry()
        run = entry.run.folder if entry else None
    if run is None:
        return
    if race := find_race_with(run):
        app.race.show(race)
    else:
        app.notify(f"{printable(run.name)} is not a run of a race.", markup=False)


def open_overlay(app: MnistApp) -> None:
    from tui.screens.overlay_dialog import OverlayDialog

    def overlay(runs: tuple[RunState, ...] | None) -> None:
        if runs is not None:
            app.overlaid_runs = runs

    app.push_screen(OverlayDialog(), overlay)


def open_help(app: MnistApp) -> None:
    from tui.help import help_sections
    from tui.screens.dialogs import HelpDialog

    view = app.view
    field = view.focused.id if view and view.focused else None
    about = (view.VIEW_HELP, view.VIEW_TITLE) if view else ({}, "")
    sections = help_sections(app.current_mode, field, *about)
    app.push_screen(HelpDialog(sections))


def open_why(app: MnistApp) -> None:
    from tui.screens.why import door

    door.open_why(app.view)


def choose_network(app: MnistApp) -> None:
    """Show the networks that the next run can train, in the form."""
    app.action_view("train")
    if form := find_form(app):
        form.query_one("#arch").focus()
        app.call_after_refresh(form.choose_network)  # the form may have been hidden


def edit_network(app: MnistApp) -> None:
    """Open the network of the next run as text."""
    from tui.widgets.network_select import NetworkSelect

    app.action_view("train")
    if form := find_form(app):
        network = form.query_one(NetworkSelect)
        network.edit(network.value)


def find_rate(app: MnistApp) -> None:
    """Search for a learning rate for the settings of the form, and put it there if it is taken."""
    from tui.screens.rate_finder.dialog import RateDialog
    from tui.widgets.line_input import NumberInput

    if app.runs.is_active or app.runs.is_elsewhere:
        app.notify("A run is in progress. Stop it (s) before you search for a learning rate.")
        return
    app.action_view("train")
    form = find_form(app)
    rate = form.query_one("#learning_rate", NumberInput) if form else None
    if rate and (rate.is_disabled or rate.is_locked):
        locked = "The mission locks the learning rate."
        app.notify(locked if rate.is_locked else "The learning rate cannot be changed now.")
        return
    config = form.config(ignored="learning_rate") if form else None
    if form is None or config is None:
        return

    def take(rate: float | None) -> None:
        if rate is not None:
            form.take_rate(rate)

    app.push_screen(RateDialog(config), take)


def train_further(app: MnistApp) -> None:
    """Resume the run that has ended; one that has finished with more epochs."""
    state, added = app.run_state, more_epochs(app.run_state)
    if state.started is None or added is None:
        return
    folder, epochs = Path(state.started.folder), state.started.epochs + added

    async def prepare() -> None:
        try:
            start = await asyncio.to_thread(
                prepare_further, folder, app.config.data, epochs if added else None
            )
        except Exception as error:  # a run that cannot be resumed must not end the app
            message = printable(first_line(error))
            app.notify(message, severity="warning", markup=False, timeout=8)
            return
        if not app.runs.is_active:  # no other run was started meanwhile
            app.start_next(*start)
            app.action_view("train")

    app.run_worker(prepare(), exclusive=True, exit_on_error=False, group="further")


OPENINGS: dict[str, Callable[[MnistApp], None]] = {
    "learning_rate": open_learning_rate,
    "branch": open_branch,
    "overlay": open_overlay,
    "race": open_race,
    "race_rest": continue_race,
    "race_of_run": open_race_of_run,
    "help": open_help,
    "why": open_why,
    "new": choose_network,
    "network": edit_network,
    "find_rate": find_rate,
    "further": train_further,
}

"""The settings of the next run, which the form shows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from core.config import TrainConfig, read_config
from core.errors import UserError
from tui.app.views import find_form
from tui.state.run_state import RunState

if TYPE_CHECKING:
    from tui.app.app import MnistApp


def use_config(app: MnistApp, config: TrainConfig) -> None:
    """Show the settings of a run in the form, so that the next run has them."""
    app.config = replace(config, checkpoints=app.config.checkpoints)
    if form := find_form(app):
        form.fill(app.config)


def use_config_of(app: MnistApp, state: RunState) -> None:
    """Show the run's settings in the form, with the learning rate that was set last."""
    if state.started:
        rate = {} if state.chosen_rate is None else {"learning_rate": state.chosen_rate}
        with suppress(UserError, TypeError):  # settings that another version wrote
            use_config(app, read_config(state.started.config | rate))

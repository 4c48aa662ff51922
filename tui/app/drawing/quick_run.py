"""Train a small network on the spot, for two seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.commands import Start, Stop
from core.config import TrainConfig
from core.events import Detached, Event, RunFailed, RunFinished, RunStarted
from tui.app.next_settings import use_config

if TYPE_CHECKING:
    from tui.app.app import MnistApp

QUICK_SECONDS = 2.0
# Chosen by the accuracy on the last 10,000 training images, of 50,000 and of 4,000 other ones,
# after as many steps as two seconds have. Any step may be the last, so the rate is constant.
QUICK = TrainConfig(arch="quick", epochs=30, batch_size=128, learning_rate=0.004, beta2=0.99)
KEPT = ("dataset", "data", "checkpoints", "device", "seed")  # settings of the next run


class QuickRun:
    """A run that is stopped, and so saved, after QUICK_SECONDS of training. The settings of the
    next run stay what they were."""

    def __init__(self, app: MnistApp) -> None:
        self._app = app
        self._following: TrainConfig | None = None  # the settings of the next run, during this one

    def start(self) -> None:
        app = self._app
        if app.runs.is_active or app.runs.is_elsewhere:
            return
        following = app.requests.next_config()
        config = replace(QUICK, **{name: getattr(following, name) for name in KEPT})
        self._following = following
        app.runs.start(Start(config))

    def handle(self, event: Event) -> None:
        match event:
            case RunStarted() if self._following:
                self._app.set_timer(QUICK_SECONDS, self._stop)
            case RunFinished() | RunFailed() | Detached() if self._following:
                following, self._following = self._following, None
                use_config(self._app, following)

    def _stop(self) -> None:
        """Stop the run, once it has been trained for long enough: it may have been paused."""
        state = self._app.run_state
        if not self._following:
            return
        if state.phase == "training" and state.seconds > 0.95 * QUICK_SECONDS:
            self._app.send(Stop())
        else:
            self._app.set_timer(max(0.05, QUICK_SECONDS - state.seconds), self._stop)

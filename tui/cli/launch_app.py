"""Opens the app, and says what there is to say when it has closed."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING

from core.config import TrainConfig
from tui.signals import CONTINUE
from tui.text.console import complain

if TYPE_CHECKING:
    from core.attach.client import RemoteHost


def run_app(
    config: TrainConfig,
    *,
    start: bool = False,
    on_hangup: str = CONTINUE,
    slow: bool = False,
    host: RemoteHost | None = None,
) -> int:
    """Returns the exit status. `start` begins training at once; `slow` is of the line to the
    terminal; `host` is a run that is attached to from the first frame on."""
    gc.disable()  # until the first frame: there is no garbage yet, and much to look through
    from tui.app.app import MnistApp
    from tui.preferences import load_preferences

    preferences, said = load_preferences()
    if said:
        complain(said)
    preferences = replace(preferences, slow=slow)
    app = MnistApp(config, start=start, preferences=preferences, on_hangup=on_hangup, host=host)
    app.run()
    if app.farewell:
        print(app.farewell)
    return app.return_code or 0

"""The part of the app that views and dialogs use, declared so that screens need not import it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

from textual.screen import Screen

from core.commands import Command, Start
from core.config import TrainConfig
from tui.preferences import Preferences
from tui.state.app_state import AppState
from tui.state.run_state import RunState


class AppProtocol(Protocol):
    app_state: AppState
    run_state: RunState
    preferences: Preferences
    overlaid_runs: tuple[RunState, ...]
    bytes_per_second: int | None  # None unless output goes to a terminal
    config: TrainConfig  # the settings of the next run

    def send(self, *commands: Command) -> None: ...
    def start_next(self, command: Start, history: RunState) -> None: ...
    def attach(self, folder: Path) -> None: ...
    def request_digits(self, *, at_once: bool = False) -> None: ...
    def change_preferences(self, **changes: Any) -> None: ...
    def action_view(self, mode: str) -> None: ...
    def action_set(self, name: str, by: int = 1) -> None: ...


def app_of(screen: Screen[Any]) -> AppProtocol:
    return cast(AppProtocol, screen.app)

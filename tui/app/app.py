"""The app: its views, and what keys, buttons and the palette do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

from textual.app import SystemCommand
from textual.screen import Screen

from core.commands import Pause, Resume, Save, SetLearningRate, Stop
from core.events import DevicesListed, Event
from tui.actions import ACTIONS, VIEWS, available, bindings, is_available
from tui.app.attaching import Attaching
from tui.screens.train import TrainView
from tui.state.run_state import RecordRead, RunState

# The views that the first frame does not wait for.
LATER = {
    "digits": "DigitsView",
    "mistakes": "MistakesView",
    "network": "NetworkView",
    "checkpoints.browser": "CheckpointBrowser",
}
# Between the imports of two of them, once the engine has loaded torch.
IMPORT_SECONDS = 0.1


def _later(module: str) -> Callable[[], Screen[Any]]:
    def make() -> Screen[Any]:
        return getattr(import_module(f"tui.screens.{module}"), LATER[module])()

    return make


# What opens over a view, and needs its room.
DIALOGS = ("learning_rate", "branch", "overlay", "help", "command_palette")


class MnistApp(Attaching):
    TITLE = "mnist-tui"
    CSS_PATH = "app.tcss"
    MODES = {
        "train": TrainView,
        "digits": _later("digits"),
        "mistakes": _later("mistakes"),
        "network": _later("network"),
        "checkpoints": _later("checkpoints.browser"),
    }
    DEFAULT_MODE = "train"
    BINDINGS = bindings()

    def _react(self, event: Event) -> None:
        super()._react(event)
        if isinstance(event, DevicesListed | RecordRead):
            self._import_views(list(LATER))

    def _import_views(self, left: list[str]) -> None:
        """One after the other, so that a first visit does not wait for it, nor a key for long."""
        if left:
            import_module(f"tui.screens.{left[0]}")
            self.set_timer(IMPORT_SECONDS, partial(self._import_views, left[1:]))

    # What keys, buttons and the palette do to a run

    def action_pause(self) -> None:
        self.send(Pause())

    def action_resume(self) -> None:
        self.send(Resume())

    def action_save(self) -> None:
        self.send(Save())

    def action_stop(self) -> None:
        if self.run_state.active:
            self.send(Stop())

    def action_learning_rate(self) -> None:
        from tui.screens.learning_rate_dialog import LearningRateDialog

        self.push_screen(
            LearningRateDialog(), lambda rate: self.send(SetLearningRate(rate)) if rate else None
        )

    def action_branch(self) -> None:
        from tui.screens.branch_dialog import BranchDialog

        self.push_screen(
            BranchDialog(), lambda branch: self.start_next(*branch) if branch else None
        )

    # What they do to what is seen

    def action_overlay(self) -> None:
        from tui.screens.overlay_dialog import OverlayDialog

        def lay(runs: tuple[RunState, ...] | None) -> None:
            self.overlaid_runs = self.overlaid_runs if runs is None else runs

        self.push_screen(OverlayDialog(), lay)

    def action_next_view(self, by: int) -> None:
        """The next view; in the form, the next field, and from its last one on."""
        view = self.view
        if isinstance(view, TrainView) and view.focused:
            chain = view.focus_chain
            place = chain.index(view.focused) + by if view.focused in chain else -1
            if 0 <= place < len(chain):
                view.set_focus(chain[place])
                return
            view.set_focus(None)
            return
        modes = list(VIEWS)
        self.action_view(modes[(modes.index(self.current_mode) + by) % len(modes)])

    def action_help(self) -> None:
        from tui.help import help_sections
        from tui.screens.dialogs import HelpDialog

        view = self.view
        field = view.focused.id if view and view.focused else None
        self.push_screen(
            HelpDialog(help_sections(self.current_mode, field, view.VIEW_HELP if view else {}))
        )

    def action_help_quit(self) -> None:
        """Textual's own meaning of ctrl+c is to say which key quits."""
        self.call_next(self.action_quit)

    async def action_quit(self) -> None:
        from tui.screens.dialogs import ConfirmQuit

        if isinstance(self.screen, ConfirmQuit):
            return
        if self.run_state.active and not self.run_state.attached:
            self.push_screen(ConfirmQuit(), lambda yes: self.leave(0) if yes else None)
        else:
            self.exit(return_code=self._status)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows what applies now."""
        if action in ("focus_next", "focus_previous"):
            # The fields are locked during a run.
            return not (isinstance(self.view, TrainView) and self.run_state.active)
        if action in DIALOGS and self.view is not None and self.view.is_too_small:
            return False
        return is_available(action, self.run_state, self.current_mode)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        # Textual's own, but for what is here already.
        ours = {"Keys", *(each.label for each in ACTIONS)}
        yield from (each for each in super().get_system_commands(screen) if each.title not in ours)
        for each in available(self.run_state, self.current_mode):
            yield SystemCommand(each.label, each.help, partial(self.run_action, each.name))
        for mode, title in VIEWS.items():
            yield SystemCommand(f"View: {title}", "Go there", partial(self.action_view, mode))

"""How far a run is, in one line, or else what has happened."""

import textwrap

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.config import TrainConfig
from core.data.datasets import dataset_title
from tui.state.run_state import RunState
from tui.text.formats import format_done, format_duration, printable, shorten_folder
from tui.text.settings import network_name
from tui.widgets.canvas import Canvas, StyledLine


class RunProgress(Canvas):
    """A bar for the whole run with its epoch, the time left and the speed, or a message."""

    COMPONENT_CLASSES = {f"progress--{name}" for name in ("text", "quiet", "bar", "rest", "alert")}

    run_state: var[RunState] = var(RunState, init=False)
    config: var[TrainConfig] = var(TrainConfig, init=False)  # of the next run
    in_mission: var[bool] = var(False, init=False)  # whose panel says what can be changed

    watch_run_state = watch_config = watch_in_mission = Canvas.redraw

    def draw(self) -> None:
        state, width = self.run_state, self.size.width
        lines = [self._bar(width)] if state.phase in ("training", "paused") else self._text(width)
        # A long message, mostly of a failure, takes as many lines as it needs.
        if self.size.height != len(lines):
            self.styles.height = len(lines)
        self.paint(lines)

    def _text(self, width: int) -> list[StyledLine]:
        state, styles = self.run_state, self.parts
        if state.phase == "preparing" and state.total:
            share = state.done / state.total
            after = f"{share:4.0%}  {format_done(state.done, state.total, state.unit)}"
            return [self._with_bar(f"{printable(state.doing)} ", share, [(after, "quiet")], width)]
        style = styles["alert" if state.phase == "failed" else "text"]
        lines = wrap_message(describe_progress(state, self.config, self.in_mission), width)
        return [[Segment(f" {line}", style)] for line in lines]

    def _bar(self, width: int) -> StyledLine:
        state = self.run_state
        assert state.started is not None
        before = f"epoch {max(1, state.epoch)}/{state.started.epochs}  "
        after = []
        if state.phase == "paused":
            after.append(("‖ Paused, press space to resume", "text"))
        else:
            if state.seconds_left is not None:
                after.append((f"{format_duration(state.seconds_left)} left", "quiet"))
            if state.samples_per_second:
                speed = float(f"{state.samples_per_second:.3g}")
                after.append((f"{speed:,.0f} images/s", "quiet"))
        return self._with_bar(before, state.share, after, width)

    def _with_bar(
        self, before: str, share: float, after: list[tuple[str, str]], width: int
    ) -> StyledLine:
        """Return a bar between two texts, as long as they leave space for."""
        styles = self.parts
        room = width - 2 - len(before) - sum(len(text) + 2 for text, _ in after)
        length = max(5, min(60, room))
        full = round(min(1.0, share) * length)
        return [
            Segment(f" {before}", styles["text"] + Style(bold=True)),
            # Thick and thin differ without colours too.
            Segment("━" * full, styles["bar"]),
            Segment("─" * (length - full), styles["rest"]),
            *(Segment(f"  {text}", styles[name]) for text, name in after),
        ]


def wrap_message(text: str, width: int) -> list[str]:
    return textwrap.wrap(printable(text), max(10, width - 2))


def describe_progress(state: RunState, config: TrainConfig, in_mission: bool = False) -> str:
    """Return what has happened or what to do, while nothing is trained.

    A mission locks settings, so `in_mission` leaves out how to change them.
    """
    match state.phase:
        case "idle":
            dataset = shorten_folder(dataset_title(config.dataset), 40)
            what = f"{network_name(config.arch)} on {dataset}"
            changes = "" if in_mission else " ↓ changes settings."
            return state.message or f"Press space to train {what}.{changes}"
        case "preparing":
            return state.message or f"{state.doing} …".capitalize()
        case "failed":
            return f"✗ {state.message}"
    epochs = state.started.epochs if state.started else 0
    how = f"✓ Finished {epochs} epochs" if epochs != 1 else "✓ Finished 1 epoch"
    if state.phase == "stopped":
        how = f"■ Stopped at step {state.step:,}"
    how += f" in {format_duration(state.seconds)}" if state.seconds >= 1 else ""
    saved = f" Saved in {state.started.run}." if state.started and state.checkpoint else ""
    return f"{how}.{saved}"

"""The progress of a run: bars, and a line of metrics or a message."""

import textwrap

from rich.segment import Segment
from textual.reactive import var

from tui.state.run_state import RunState
from tui.text.digit_art import draw_bar
from tui.text.formats import format_duration, format_loss, format_percent, format_size, printable
from tui.widgets.canvas import Canvas, StyledLine


class RunProgress(Canvas):
    """Bars for the epoch and the whole run, over the newest metrics or a message."""

    COMPONENT_CLASSES = {"progress--text", "progress--bar", "progress--alert"}

    run_state: var[RunState] = var(RunState, init=False)

    watch_run_state = Canvas.redraw

    def draw(self) -> None:
        state, width = self.run_state, self.size.width
        style = self.parts["alert" if state.phase == "failed" else "text"]
        text = textwrap.wrap(printable(describe_progress(state)), max(10, width - 2))
        bars = self._loading() if state.phase == "preparing" else self._bars(width)
        lines = [bars, *([Segment(f" {line}", style)] for line in text)]
        # A long message, mostly of a failure, takes as many lines as it needs.
        height = max(2, len(lines))
        if self.size.height != height:
            self.styles.height = height
        self.paint(lines)

    def _loading(self) -> StyledLine:
        state, styles = self.run_state, self.parts
        if not state.total:
            return [Segment(f" {state.doing} …", styles["text"])]
        share = state.done / state.total
        sizes = f"{format_size(state.done)} of {format_size(state.total)}"
        return [
            Segment(f" {state.doing} ", styles["text"]),
            Segment(draw_bar(share, 20), styles["bar"]),
            Segment(f" {share:.0%}  {sizes}", styles["text"]),
        ]

    def _bars(self, width: int) -> StyledLine:
        state, styles = self.run_state, self.parts
        if not state.started:
            return []
        epochs = state.started.epochs
        left = ""
        if state.phase == "training" and state.seconds_left is not None:
            left = f"  {format_duration(state.seconds_left)} left"
        before = f" epoch {max(1, state.epoch)}/{epochs} "
        between, after = f"{state.epoch_share:5.0%}  total ", f"{state.share:5.0%}"
        room = max(5, min(40, (width - len(before + between + after) - 13) // 2))
        return [
            Segment(before, styles["text"]),
            Segment(draw_bar(state.epoch_share, room), styles["bar"]),
            Segment(between, styles["text"]),
            Segment(draw_bar(state.share, room), styles["bar"]),
            Segment(after + left, styles["text"]),
        ]


def describe_progress(state: RunState) -> str:
    """Return the metrics while training, else what has happened and what to do."""
    score = state.score
    accuracy = f"test accuracy {format_percent(score.accuracy)}" if score else ""
    match state.phase:
        case "idle":
            return state.message or "Choose a network and press space to train it."
        case "preparing":
            return state.message
        case "training" | "paused":
            metrics = [
                "Paused, press space to resume." if state.phase == "paused" else "",
                f"loss {format_loss(state.loss)}" if state.loss is not None else "",
                f"test loss {format_loss(score.loss)}" if score else "",
                accuracy,
                f"{state.samples_per_second:,.0f} samples/s" if state.samples_per_second else "",
            ]
            return "  ".join(each for each in metrics if each) or "Training starts…"
        case "failed":
            return f"✗ {state.message}"
    how = "Finished" if state.phase == "finished" else f"Stopped at step {state.step:,}"
    ending = f": {accuracy}, test loss {format_loss(score.loss)}" if score else ""
    saved = f" Saved in {state.started.run}" if state.started and state.checkpoint else ""
    return f"{how}{ending}.{saved}"

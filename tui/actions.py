"""All actions that keys, the footer, the command palette and the help offer in every view.

To add one: an entry in ACTIONS, and what it does in tui/app/app.py. Actions of a single view are in
that view's BINDINGS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.state.run_state import RunState

if TYPE_CHECKING:
    from textual.binding import BindingType

VIEWS = {
    "train": "Train",
    "digits": "Digits",
    "mistakes": "Mistakes",
    "network": "Network",
    "checkpoints": "Checkpoints",
}

# Returns whether an action is available, given the run's state and the current view.
When = Callable[[RunState, str], bool]


def always(state: RunState, view: str) -> bool:
    return True


def is_inactive(state: RunState, view: str) -> bool:
    return not state.is_active


def is_active(state: RunState, view: str) -> bool:
    return state.is_active


def is_training(state: RunState, view: str) -> bool:
    return state.phase == "training"


def is_paused(state: RunState, view: str) -> bool:
    return state.phase == "paused"


def is_training_or_paused(state: RunState, view: str) -> bool:
    return state.phase in ("training", "paused")


def can_detach(state: RunState, view: str) -> bool:
    # In the digits view the key has another meaning.
    return is_training_or_paused(state, view) and not state.is_attached and view != "digits"


def can_change_learning_rate(state: RunState, view: str) -> bool:
    # In the checkpoint browser the key has another meaning.
    return is_training_or_paused(state, view) and view != "checkpoints"


def has_checkpoints(state: RunState, view: str) -> bool:
    """Return whether the run has a checkpoint. A resumed run has one from the start."""
    return state.started is not None and (state.checkpoint is not None or state.started.step > 0)


def has_charts(state: RunState, view: str) -> bool:
    return view == "train"


def has_digits(state: RunState, view: str) -> bool:
    # The checkpoint browser's preview has digits.
    return view in ("train", "digits", "mistakes", "checkpoints")


@dataclass(frozen=True)
class Action:
    name: str  # the app's method action_<name>, with its arguments in Python's notation
    keys: str  # comma-separated, Textual's names; empty: in the command palette alone
    shown: str  # the keys as they are displayed
    label: str  # in the footer and the command palette
    help: str
    when: When = always
    in_footer: bool = False


ACTIONS = (
    # One key: the footer shows the action that is available now.
    Action("run('start')", "space", "space", "Start", "start training", is_inactive, True),
    Action(
        "run('pause')", "space", "space", "Pause", "pause (saves a checkpoint)", is_training, True
    ),
    Action("run('resume')", "space", "space", "Resume", "resume training", is_paused, True),
    Action("run('stop')", "s", "s", "Stop", "stop training (saves a checkpoint)", is_active, True),
    Action("run('save')", "w", "w", "Save", "save a checkpoint", is_training_or_paused),
    Action(
        "run('detach')",
        "d",
        "d",
        "Detach",
        "keep training in the background, in a process that continues when this program exits",
        can_detach,
    ),
    Action(
        "open('learning_rate')",
        "r",
        "r",
        "Rate",
        "change the learning rate during training",
        can_change_learning_rate,
        True,
    ),
    Action(
        "open('branch')",
        "b",
        "b",
        "Branch",
        "branch from a checkpoint of this run: train again from there, with other settings",
        has_checkpoints,
        True,
    ),
    Action("open('overlay')", "o", "o", "Overlay", "overlay up to four earlier runs", has_charts),
    Action("set('chart')", "c", "c", "Chart", "show the next chart", has_charts, True),
    Action(
        "set('several')", "v", "v", "Layout", "show one chart, as many as fit, or all", has_charts
    ),
    Action("set('log_scale')", "l", "l", "Log", "logarithmic or linear y axis", has_charts, True),
    Action("set('smoothing')", "m", "m", "Smooth", "smoothing of the training curves", has_charts),
    Action("set('x_axis')", "x", "x", "X axis", "x axis in epochs, steps or time", has_charts),
    Action(
        "set('zoom')",
        "z",
        "z",
        "Zoom",
        "show all of the run, its last 25% or its last 5%",
        has_charts,
        True,
    ),
    Action(
        "set('temperature')",
        "t",
        "t T",
        "Softer",
        "raise the softmax temperature of the probability bars (T: lower it)",
        has_digits,
    ),
    Action(
        "set('temperature', -1)",
        "T",
        "T",
        "Sharper",
        "lower the softmax temperature of the probability bars",
        has_digits,
    ),
    Action(
        "set('digit_style')",
        "y",
        "y",
        "Style",
        "draw digits with ASCII characters, half blocks or braille dots",
        has_digits,
    ),
    Action(
        "set('machine')",
        "i",
        "i",
        "Usage",
        "show CPU, memory and GPU usage, or the commentary on the run",
        has_charts,
    ),
    Action("change_theme", "", "", "Theme", "select a dark or light colour theme"),
    Action(
        "set('slow_link')",
        "",
        "",
        "Slow link",
        "limit output to 1 KB a second, for a slow connection: text before charts, no animation",
    ),
    Action(
        "set('ascii')",
        "a",
        "a",
        "ASCII",
        "plain ASCII, for fonts without braille and block characters",
    ),
    Action(
        "open('help')",
        "question_mark,f1",
        "?",
        "Help",
        "help on this view and its keys",
        always,
        True,
    ),
    Action(
        "quit",
        "q",
        "q",
        "Quit",
        "quit (asks first while training; a run in the background continues)",
        always,
        True,
    ),
)


def bindings() -> list[BindingType]:
    """Return the app's key bindings: one for each action with a key, and a number for each view."""
    # Imported here because `--help` lists the actions and must not wait for Textual.
    from textual.binding import Binding

    actions = [
        Binding(each.keys, each.name, each.label, key_display=each.shown, show=each.in_footer)
        for each in ACTIONS
        if each.keys
    ]
    views = [
        Binding(str(number), f"view('{mode}')", title, show=False)
        for number, (mode, title) in enumerate(VIEWS.items(), 1)
    ]
    return [*actions, *views]


def is_available(action: str, parameters: Sequence[object], state: RunState, view: str) -> bool:
    """Return whether an action is available now. Actions that are not in ACTIONS always are."""
    name = f"{action}({', '.join(map(repr, parameters))})" if parameters else action
    return all(each.when(state, view) for each in ACTIONS if each.name == name)


def available(state: RunState, view: str) -> Iterator[Action]:
    return (each for each in ACTIONS if each.when(state, view))

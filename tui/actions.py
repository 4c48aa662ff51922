"""All actions that keys, the footer, the command palette and the help offer in every view.

To add one: an entry in ACTIONS, and the app's method action_<name>. Actions of a single view are in
that view's BINDINGS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    return not state.active


def is_active(state: RunState, view: str) -> bool:
    return state.active


def is_training(state: RunState, view: str) -> bool:
    return state.phase == "training"


def is_paused(state: RunState, view: str) -> bool:
    return state.phase == "paused"


def is_training_or_paused(state: RunState, view: str) -> bool:
    return state.phase in ("training", "paused")


def can_detach(state: RunState, view: str) -> bool:
    # In the digits view the key has another meaning.
    return is_training_or_paused(state, view) and not state.attached and view != "digits"


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
    name: str  # the app's method action_<name>, with its arguments as Textual writes them
    keys: str  # comma-separated, Textual's names; empty: in the command palette alone
    shown: str  # the keys as they are displayed
    label: str  # in the footer and the command palette
    help: str
    when: When = always
    in_footer: bool = False


ACTIONS = (
    # One key: the footer shows the action that is available now.
    Action("start", "space", "space", "Start", "start training", is_inactive, True),
    Action("pause", "space", "space", "Pause", "pause (saves a checkpoint)", is_training, True),
    Action("resume", "space", "space", "Resume", "resume training", is_paused, True),
    Action("stop", "s", "s", "Stop", "stop training (saves a checkpoint)", is_active, True),
    Action("save", "w", "w", "Save", "save a checkpoint", is_training_or_paused),
    Action(
        "detach",
        "d",
        "d",
        "Detach",
        "keep training in the background, in a process that continues when this program exits",
        can_detach,
    ),
    Action(
        "learning_rate",
        "r",
        "r",
        "Rate",
        "change the learning rate during training",
        can_change_learning_rate,
        True,
    ),
    Action(
        "branch",
        "b",
        "b",
        "Branch",
        "branch from a checkpoint of this run: train again from there, with other settings",
        has_checkpoints,
        True,
    ),
    Action("overlay", "o", "o", "Overlay", "overlay up to four earlier runs", has_charts),
    Action("chart(1)", "c", "c", "Chart", "show the next chart", has_charts, True),
    Action("several", "v", "v", "Layout", "show one chart, as many as fit, or all", has_charts),
    Action("log_scale", "l", "l", "Log", "logarithmic or linear y axis", has_charts, True),
    Action("smoothing", "m", "m", "Smooth", "smoothing of the training curves", has_charts),
    Action("x_axis", "x", "x", "X axis", "x axis in epochs, steps or time", has_charts),
    Action(
        "zoom",
        "z",
        "z",
        "Zoom",
        "show all of the run, its last 25% or its last 5%",
        has_charts,
        True,
    ),
    Action(
        "temperature(1)",
        "t",
        "t T",
        "Softer",
        "raise the softmax temperature of the probability bars (T: lower it)",
        has_digits,
    ),
    Action(
        "temperature(-1)",
        "T",
        "T",
        "Sharper",
        "lower the softmax temperature of the probability bars",
        has_digits,
    ),
    Action(
        "digit_style",
        "y",
        "y",
        "Style",
        "draw digits with ASCII characters, half blocks or braille dots",
        has_digits,
    ),
    Action(
        "machine",
        "i",
        "i",
        "Usage",
        "show CPU, memory and GPU usage, or the commentary on the run",
        has_charts,
    ),
    Action("theme", "", "", "Theme", "select a dark or light colour theme"),
    Action(
        "slow_link",
        "",
        "",
        "Slow link",
        "limit output to 1 KB a second, for a slow connection: text before charts, no animation",
    ),
    Action(
        "ascii", "a", "a", "ASCII", "plain ASCII, for fonts without braille and block characters"
    ),
    Action("help", "question_mark,f1", "?", "Help", "help on this view and its keys", always, True),
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


def is_available(name: str, state: RunState, view: str) -> bool:
    """Return whether the action with that name (without arguments) is available now.

    Names that are not in ACTIONS are always available.
    """
    same_name = [each for each in ACTIONS if each.name.partition("(")[0] == name]
    return not same_name or any(each.when(state, view) for each in same_name)


def available(state: RunState, view: str) -> Iterator[Action]:
    return (each for each in ACTIONS if each.when(state, view))

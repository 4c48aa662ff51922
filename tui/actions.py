"""Everything that a key, the footer, the palette and the help offer in every view: one line each.

To add one: its line here, and the app's method action_<name>. What belongs to one view alone is in
that view's own BINDINGS.
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

# Whether an action applies now: to what a run is doing, in which view.
When = Callable[[RunState, str], bool]


def always(state: RunState, view: str) -> bool:
    return True


def inactive(state: RunState, view: str) -> bool:
    return not state.active


def active(state: RunState, view: str) -> bool:
    return state.active


def going(state: RunState, view: str) -> bool:
    """There is a network that is training or held."""
    return state.phase in ("training", "paused")


def has_checkpoints(state: RunState, view: str) -> bool:
    """The run has something to go back to; one that was taken up has it from the start."""
    return state.started is not None and (state.checkpoint is not None or state.started.step > 0)


def charting(state: RunState, view: str) -> bool:
    return view == "train"


def shows_digits(state: RunState, view: str) -> bool:
    # From the checkpoints one looks into one of them.
    return view in ("train", "digits", "mistakes", "checkpoints")


@dataclass(frozen=True)
class Action:
    name: str  # with its arguments, as textual has it
    keys: str  # comma-separated, textual's names; none: it is in the palette alone
    shown: str  # the keys as a person reads them
    label: str  # in the footer and the palette
    help: str
    when: When = always
    in_footer: bool = False


ACTIONS = (
    # One key, and in the footer the one of these that it does now.
    Action("start", "space", "space", "Start", "train the network that is set up", inactive, True),
    Action(
        "pause",
        "space",
        "space",
        "Pause",
        "hold the run, and save it",
        lambda state, view: state.phase == "training",
        True,
    ),
    Action(
        "go_on",
        "space",
        "space",
        "Go on",
        "go on where the run was held",
        lambda state, view: state.phase == "paused",
        True,
    ),
    Action("stop", "s", "s", "Stop", "end the run here, and save it", active, True),
    Action("save", "w", "w", "Save", "save the run as it is now, and go on", going),
    Action(
        "hand_over",
        "d",
        "d",
        "Detach",
        "hand the run over to a process of its own, which outlives this program, and follow it",
        lambda state, view: going(state, view) and not state.attached and view != "digits",
    ),
    Action(
        "rate",
        "r",
        "r",
        "Rate",
        "change the learning rate while the run goes on",
        # There the key has a meaning of the view's own.
        lambda state, view: going(state, view) and view != "checkpoints",
        True,
    ),
    Action(
        "rewind",
        "b",
        "b",
        "Back",
        "go back to a checkpoint of this run, change something, and branch from there",
        has_checkpoints,
        True,
    ),
    Action(
        "compare",
        "o",
        "o",
        "Others",
        "lay up to four earlier runs under this one, to compare them",
        charting,
    ),
    Action("chart(1)", "c", "c", "Chart", "the next chart", charting, True),
    Action("several", "v", "v", "Several", "one chart, or all of them at once", charting),
    Action("log_scale", "l", "l", "Log", "a logarithmic scale, or a linear one", charting, True),
    Action("smoothing", "m", "m", "Smooth", "smooth the training curves more, or not", charting),
    Action("x_axis", "x", "x", "X axis", "count by epochs, by steps or in time", charting),
    Action("zoom", "z", "z", "Zoom", "the last part of the run, and back", charting, True),
    Action(
        "temperature(1)",
        "t",
        "t T",
        "Temperature",
        "softmax temperature of the bars, up (T: down)",
        shows_digits,
    ),
    Action(
        "temperature(-1)", "T", "T", "Colder", "softmax temperature of the bars, down", shows_digits
    ),
    Action(
        "digit_style",
        "y",
        "y",
        "Style",
        "draw digits as a ramp of characters, in half blocks, or in braille dots",
        shows_digits,
    ),
    Action(
        "machine",
        "i",
        "i",
        "Machine",
        "how busy processor, memory and GPU are, or what is going on",
        charting,
    ),
    Action("theme", "", "", "Theme", "choose other colours, dark or light"),
    Action(
        "slow_link",
        "",
        "",
        "Slow link",
        "at most 1 KB a second to the terminal, figures before charts, no animation; or all",
    ),
    Action("ascii", "a", "a", "ASCII", "plain ASCII, for fonts without braille and blocks"),
    Action(
        "help", "question_mark,f1", "?", "Help", "what is on this view, and the keys", always, True
    ),
    Action(
        "quit",
        "q",
        "q",
        "Quit",
        "leave (asks while a run goes on here; one in a process of its own goes on)",
        always,
        True,
    ),
)


def bindings() -> list[BindingType]:
    """Those of the app: each action's keys, and the views by their numbers."""
    # Not above: `--help` lists the actions, and does not wait for textual.
    from textual.binding import Binding

    acting = [
        Binding(each.keys, each.name, each.label, key_display=each.shown, show=each.in_footer)
        for each in ACTIONS
        if each.keys
    ]
    views = [
        Binding(str(number), f"view('{mode}')", title, show=False)
        for number, (mode, title) in enumerate(VIEWS.items(), 1)
    ]
    return [*acting, *views]


def applies(name: str, state: RunState, view: str) -> bool:
    """Whether textual's action of that name, without its arguments, does something now."""
    named = [each for each in ACTIONS if each.name.partition("(")[0] == name]
    return not named or any(each.when(state, view) for each in named)


def applying(state: RunState, view: str) -> Iterator[Action]:
    return (each for each in ACTIONS if each.when(state, view))

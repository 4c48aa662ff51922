"""All actions that keys, the footer, the command palette and the help offer in every view.

To add one: an entry in ACTIONS, and what it does in tui/app/app.py. Actions of a single view are in
that view's BINDINGS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tui.state.further import more_epochs
from tui.state.run_state import Phase, RunState

if TYPE_CHECKING:
    from textual.binding import BindingType


class ViewEntry(NamedTuple):
    """A view's title, and the module of tui.screens and the class that show it."""

    title: str
    module: str
    screen: str


# The views by mode, in the order of their keys. To add one: its screen, and an entry here.
VIEWS = {
    "train": ViewEntry("Train", "train", "TrainView"),
    "digits": ViewEntry("Digits", "digits", "DigitsView"),
    "mistakes": ViewEntry("Mistakes", "mistakes", "MistakesView"),
    "network": ViewEntry("Network", "network", "NetworkView"),
    "checkpoints": ViewEntry("Checkpoints", "checkpoints.browser", "CheckpointBrowser"),
    "draw": ViewEntry("Draw", "draw.view", "DrawView"),
    "quiz": ViewEntry("Quiz", "quiz.view", "QuizView"),
    "race": ViewEntry("Race", "race.view", "RaceView"),
    "missions": ViewEntry("Missions", "missions.view", "MissionsView"),
}

# Returns whether an action is available, given the run's state and the current view.
When = Callable[[RunState, str], bool]


def in_phases(*phases: Phase) -> When:
    return lambda state, view: state.phase in phases


def in_views(*views: str) -> When:
    return lambda state, view: view in views


is_inactive = in_phases("idle", "finished", "stopped", "failed")
is_active = in_phases("preparing", "training", "paused")
is_training, is_paused = in_phases("training"), in_phases("paused")
is_training_or_paused = in_phases("training", "paused")
has_charts = in_views("train")
has_curves = in_views("train", "race")
has_images = in_views("train", "digits", "mistakes", "checkpoints", "draw")
has_digits = in_views("train", "digits", "mistakes", "checkpoints")  # the last: in its preview
has_bars = in_views("train", "digits", "mistakes", "checkpoints", "draw")
has_styles = in_views("train", "digits", "mistakes", "checkpoints", "draw", "race")


def can_start(state: RunState, view: str) -> bool:
    # In Missions, nothing trains before the prediction.
    return is_inactive(state, view) and view != "missions"


def can_detach(state: RunState, view: str) -> bool:
    return is_training_or_paused(state, view) and not state.is_attached


def can_branch(state: RunState, view: str) -> bool:
    """Return whether the run has a checkpoint. A resumed run has one from the start."""
    return state.started is not None and (state.checkpoint is not None or state.started.step > 0)


def can_train_further(state: RunState, view: str) -> bool:
    # In Checkpoints the key is about the run under the cursor.
    return more_epochs(state) is not None and view not in ("checkpoints", "race")


# The keys that the footer shows, if there is room.
FOOTER = ("space", "s", "r", "+", "n", "c", "l", "E", "?")


@dataclass(frozen=True)
class Action:
    name: str  # the app's method action_<name>, with its arguments in Python's notation
    keys: str  # comma-separated, Textual's names; empty: in the command palette alone
    label: str  # in the footer and the command palette
    help: str
    when: When = lambda state, view: True
    display: str = ""  # the keys as the help shows them, if not by their names
    everywhere: bool = False  # also in dialogs and text fields

    @property
    def shown(self) -> str:
        return self.display or self.keys


ALL_CLASSES = "show the probabilities of all classes, or the three largest"
FURTHER = "train the run further: to its last epoch, or as many epochs again"
EDIT_NETWORK = "edit the network of the next run as text: its layers and their sizes"
FIND_RATE = "find a learning rate for the settings of the form: 200 steps of a fresh network"
START_RACE = "race: change one setting, and compare; in Checkpoints, open the race of a run"
RACE_OF_RUN = "open the race that a run is of; in Checkpoints, of the run under the cursor"
REST_OF_RACE = "in Race: continue a race that was stopped, all of its runs where they were"
EXPLAIN = "explain the prediction for the framed image, the first one or the drawing"
RAISE_TEMPERATURE = "raise the softmax temperature of the bars (T: lower it)"

ACTIONS = (
    # One key: the footer shows the action that is available now.
    Action("run('start')", "space", "Start", "start training", can_start),
    Action("run('pause')", "space", "Pause", "pause (saves a checkpoint)", is_training),
    Action("run('resume')", "space", "Resume", "resume training", is_paused),
    Action("run('stop')", "s", "Stop", "stop training (saves a checkpoint)", is_active),
    Action("run('save')", "w", "Save", "save a checkpoint", is_training_or_paused),
    Action("run('detach')", "d", "Detach", "keep training in the background", can_detach),
    Action("open('learning_rate')", "r", "Rate", "change the learning rate", is_training_or_paused),
    Action("open('branch')", "b", "Branch", "branch from a checkpoint of this run", can_branch),
    Action("open('further')", "plus", "Train further", FURTHER, can_train_further, "+"),
    Action("open('new')", "n", "New run", "choose another network for a new run", is_inactive),
    Action("open('network')", "", "Edit network", EDIT_NETWORK, is_inactive),
    Action("open('find_rate')", "", "Find learning rate", FIND_RATE, has_charts),
    Action("open('race')", "ctrl+r", "Race", START_RACE, is_inactive),
    Action("open('race_of_run')", "", "Open race", RACE_OF_RUN),
    Action("open('race_rest')", "plus", "Continue race", REST_OF_RACE, in_views("race"), "+"),
    Action("open('why')", "E", "Why", EXPLAIN, has_images),
    Action("open('overlay')", "o", "Compare", "overlay up to four earlier runs", has_charts),
    Action("set('chart')", "c", "Next chart", "show the next chart", has_charts),
    Action("set('several')", "v", "Layout", "show one chart, as many as fit, or all", has_charts),
    Action("set('log_scale')", "l", "Log scale", "logarithmic or linear y axis", has_curves),
    Action("set('smoothing')", "m", "Smooth", "smoothing of the training curves", has_curves),
    Action("set('x_axis')", "h", "Axis", "horizontal axis: epochs, steps or time", has_charts),
    Action("set('zoom')", "z", "Zoom", "show all of the run, its last 25% or 5%", has_curves),
    Action("set('marks')", "M", "Marks", "marks of saved checkpoints on the charts", has_charts),
    Action("set('all_classes')", "a", "Classes", ALL_CLASSES, has_digits),
    Action("set('temperature')", "t", "Softer", RAISE_TEMPERATURE, has_bars, "t T"),
    Action("set('temperature', -1)", "T", "Sharper", "lower the softmax temperature", has_bars),
    Action("set('digit_style')", "y", "Style", "grey, ASCII or braille digits", has_styles),
    Action("set('machine')", "i", "Usage", "CPU, memory and GPU usage, or commentary", has_charts),
    Action("change_theme", "", "Theme", "select a dark or light colour theme"),
    Action("set('slow_link')", "", "Slow link", "limit output to 1 KB a second, text first"),
    Action("set('ascii')", "A", "ASCII", "plain ASCII, for fonts without braille and blocks"),
    Action(
        "open('help')", "question_mark,f1", "Help", "help on this view and its keys", display="?"
    ),
    Action(
        "suspend_process", "ctrl+z", "Suspend", "suspend; fg in the shell resumes", everywhere=True
    ),
    Action("quit", "q", "Quit", "quit (asks first while training)"),
)


class ViewKey(NamedTuple):
    """A key of single views or of parts of them, with one meaning."""

    keys: str  # as the help shows them
    labels: tuple[str, ...]  # the descriptions of its bindings
    help: str


# Every key that is not in ACTIONS. A field or a question that has the focus takes letters and
# digits for itself.
VIEW_KEYS = (
    ViewKey("enter", ("Open", "Pen"), "open, or do what is in focus; in Draw, pen down and up"),
    ViewKey("esc", ("Back",), "one step back: leave a field, hide the cursor, close"),
    ViewKey(
        "↑ ↓",
        ("Row", "Settings"),
        "move between rows, classes and the fields of the form (also k j)",
    ),
    ViewKey(
        "← →",
        ("Page",),
        "previous and next page or cell; in Train, the charts' cursor; in Draw, the pen",
    ),
    ViewKey("g G", ("First", "Last"), "the first and the last row or page"),
    ViewKey("/", ("Filter",), "filter a list"),
    ViewKey(
        "f F", ("Which", "All mistakes"), "which images, which part of Why: the next, the previous"
    ),
    ViewKey("#", ("Go to",), "show the image with an index; in Why, the unit with a number"),
    ViewKey("[ ]", ("Epochs",), "previous and next evaluated epoch"),
    ViewKey("x", ("Mark",), "mark a row, for comparing"),
    ViewKey("e", ("Evaluate",), "evaluate a checkpoint; in Why, the network without some units"),
    ViewKey("Z O", ("Switch off", "All on"), "in Why: a unit off or on again, all units on"),
    ViewKey("H J", ("Only", "Same place"), "on the map: which images; others at the same place"),
    ViewKey("C", ("Corrupt",), "accuracy on corrupted images, and the mistakes on them"),
    ViewKey("Y", ("Copy",), "copy the card of a quiz, and save it as a text file"),
    ViewKey("p", ("Images",), "predict images of your own with a checkpoint"),
    ViewKey("W", ("Weights",), "the weights of a checkpoint, in the view of the network"),
    ViewKey("< >", ("Sort",), "sort by the previous or next column"),
    ViewKey("S", ("Reverse",), "reverse the order"),
    ViewKey(
        "u U", ("Undo", "Redo"), "undo and redo: in Checkpoints what was deleted, in Draw a stroke"
    ),
    ViewKey("X", ("Eraser",), "draw with the eraser, or with the pen again"),
    ViewKey("B", ("Width",), "the next width of the pen"),
    ViewKey("I", ("Input",), "show the drawing as it is to the network, or scaled and centred"),
    ViewKey("Q", ("Train quick",), "train a small network for two seconds, where none is known"),
    ViewKey("backspace", ("Clear",), "clear the drawing (u brings it back)"),
    ViewKey("K", ("Keep",), "keep the drawing with its class, in the dataset drawn"),
    ViewKey("L", ("Kept drawings",), "look through the kept drawings: load, delete, restore"),
    ViewKey("*", ("Star",), "star a run, or take its star away"),
    ViewKey("N", ("Note",), "write a note about a run"),
    ViewKey("R", ("Rename",), "rename a run"),
    ViewKey("D", ("Delete run",), "delete a run"),
    ViewKey(
        "del",
        ("Delete file", "Drop lane"),
        "delete a checkpoint, or a kept drawing; in Race, end a lane",
    ),
    ViewKey("P", ("Prune",), "delete old checkpoints"),
    ViewKey("V", ("Verify",), "verify a checkpoint against its digest"),
    ViewKey("ctrl+s", ("Save network",), "while a network is edited as text: save it under a name"),
    ViewKey("ctrl+f", ("Find rate",), f"in Train: {FIND_RATE}"),
    ViewKey("!", ("Messages",), "show all messages"),
    ViewKey("f2", ("Hint",), "a hint for the mission in progress, then a second one"),
    ViewKey("f4", ("Mission panel",), "more or less of a mission's panel, in a small window"),
    ViewKey(
        "f5",
        ("Refresh",),
        "read or draw again; in Digits, another random sample; in Missions, begin again",
    ),
)


def bindings() -> list[BindingType]:
    """Return the app's key bindings: one for each action with a key, and a number for each view."""
    # Imported here because `--help` lists the actions and must not wait for Textual.
    from textual.binding import Binding

    actions = [
        Binding(
            each.keys,
            each.name,
            each.label,
            each.shown in FOOTER,
            each.shown,
            priority=each.everywhere,
        )
        for each in ACTIONS
        if each.keys
    ]
    views = [
        Binding(str(number), f"view('{mode}')", view.title, show=False)
        for number, (mode, view) in enumerate(VIEWS.items(), 1)
    ]
    return [*actions, *views]


def is_available(action: str, parameters: Sequence[object], state: RunState, view: str) -> bool:
    """Return whether an action is available now. Actions that are not in ACTIONS always are."""
    name = f"{action}({', '.join(map(repr, parameters))})" if parameters else action
    return all(each.when(state, view) for each in ACTIONS if each.name == name)

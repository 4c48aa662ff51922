"""What networks answer about a drawing: folded from questions and answers. Pure."""

from dataclasses import dataclass, replace
from os.path import dirname
from typing import NamedTuple

from core.digit import Digit
from core.events import Event
from core.responses.predictions import CheckpointRefused, ImagesPredicted

# Answers kept of a drawing's history. Once there are as many, every second one is left out, and
# from then on only every second one is added: so they stay evenly spread over the drawing's time.
MAX_HISTORY = 128


class KeptEpoch(NamedTuple):
    """An epoch checkpoint of a run."""

    epoch: int
    path: str


@dataclass(frozen=True)
class AskedNetwork:
    """The network that a drawing is shown to; `path` is None for the one in training."""

    path: str | None
    run: str
    folder: str
    epoch: int  # whole epochs that it was trained; in training, with the one in progress
    step: int  # of the checkpoint; 0 in training
    class_names: tuple[str, ...]


class NetworkChosen(Event, recorded=False, serializable=False):
    """Drawings are shown to this network from now on. None: there is none, and why."""

    network: AskedNetwork | None
    why: str = ""
    can_train: bool = False  # whether one could be trained on the spot


class DrawingAsked(Event, recorded=False, serializable=False):
    """A question has been sent: what is this drawing? `earlier` is the epoch whose network is
    asked; None for the network as it is now."""

    question: int
    drawing: bytes
    earlier: KeptEpoch | None = None


class DrawingCleared(Event, recorded=False, serializable=False):
    """The drawing is empty, and another one will begin."""


class EpochShown(Event, recorded=False, serializable=False):
    """The answers of this epoch's network are shown from now on; None: of the network now."""

    earlier: KeptEpoch | None


@dataclass(frozen=True)
class DrawingAnswer:
    """The prediction for one state of a drawing, as the network gets it and as it was drawn."""

    asked: DrawingAsked
    prepared: Digit  # scaled and centred
    drawn: Digit
    step: int


@dataclass(frozen=True)
class DrawingAnswers:
    network: AskedNetwork | None = None
    why: str = ""  # there is no network
    can_train: bool = False
    earlier: KeptEpoch | None = None
    asked: tuple[DrawingAsked, ...] = ()  # questions whose answers have not come, oldest first
    answer: DrawingAnswer | None = None  # to the newest question that has one
    # The logits of the answers since the drawing was begun, oldest first.
    history: tuple[tuple[float, ...], ...] = ()
    every: int = 1  # only each of so many answers is added to the history
    count: int = 0  # of all these answers
    error: str = ""  # why the network's checkpoint could not be read

    def looks_like(self, other: "DrawingAnswers") -> bool:
        """Return whether the same is shown: a question alone, without its answer, is not."""
        return self is other or replace(self, asked=()) == replace(other, asked=())

    @property
    def latest(self) -> tuple[tuple[float, ...], ...]:
        """The history up to the newest answer of the network as it is now."""
        answer = self.answer
        if answer is None or answer.asked.earlier or answer.prepared.logits in self.history[-1:]:
            return self.history
        return (*self.history, answer.prepared.logits)


def fold_drawing(state: DrawingAnswers, event: Event) -> DrawingAnswers:
    """Return the state after an event; the same object where that changes nothing."""
    match event:
        case DrawingCleared():
            return DrawingAnswers(state.network, state.why, state.can_train)
        case NetworkChosen():
            return _chosen(state, event)
        case EpochShown():
            return replace(state, earlier=event.earlier, error="")
        case DrawingAsked():
            return replace(state, asked=(*state.asked, event), error="")
        case ImagesPredicted(question=number, digits=(prepared, drawn)):
            asked = next((each for each in state.asked if each.question == number), None)
            if asked is None:  # another's question, or one about a drawing that was cleared
                return state
            return _answered(state, DrawingAnswer(asked, prepared, drawn, event.step))
        case CheckpointRefused() if event.path in _paths(state):
            return replace(state, asked=(), error=event.message)
    return state


def _paths(state: DrawingAnswers) -> tuple[str | None, ...]:
    """Return the checkpoints whose networks are asked."""
    asked = (state.network, state.earlier) if state.asked else ()
    return tuple(each.path for each in asked if each)


def _chosen(state: DrawingAnswers, event: NetworkChosen) -> DrawingAnswers:
    before, now = state.network, event.network
    state = replace(state, network=now, why=event.why, can_train=event.can_train, error="")
    if now and state.earlier and dirname(state.earlier.path) != now.folder:
        state = replace(state, earlier=None)  # an epoch of another run
    if before is None:
        return state
    if now and before.class_names != now.class_names:
        return replace(state, answer=None, asked=(), history=(), every=1, count=0)
    is_same_run = now and before.folder == now.folder
    return state if is_same_run else replace(state, answer=None, asked=())


def _answered(state: DrawingAnswers, answer: DrawingAnswer) -> DrawingAnswers:
    number = answer.asked.question
    # Earlier questions have lost their answers, as where a run has ended in between.
    waiting = tuple(each for each in state.asked if each.question > number)
    state = replace(state, asked=waiting)
    if state.answer and state.answer.asked.question > number:
        return state
    state = replace(state, answer=answer, error="")
    return state if answer.asked.earlier else _remember(state, answer.prepared.logits)


def _remember(state: DrawingAnswers, logits: tuple[float, ...]) -> DrawingAnswers:
    history, every, count = state.history, state.every, state.count + 1
    if history and len(history[-1]) != len(logits):  # another network, with other classes
        history, every, count = (), 1, 1
    if (count - 1) % every == 0:
        history = (*history, logits)
    if len(history) >= MAX_HISTORY:
        history, every = history[::2], 2 * every
    return replace(state, history=history, every=every, count=count)

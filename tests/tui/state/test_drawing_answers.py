"""The answers about a drawing, folded from events."""

from itertools import pairwise

from core.digit import Digit
from core.responses.predictions import CheckpointRefused, ImagesPredicted
from tui.state.app_state import AppState, fold_app
from tui.state.drawing_answers import (
    MAX_HISTORY,
    AskedNetwork,
    DrawingAnswers,
    DrawingAsked,
    DrawingCleared,
    EpochShown,
    KeptEpoch,
    NetworkChosen,
    fold_drawing,
)


def asked(number: int, drawing: bytes = b"", earlier=None) -> DrawingAsked:
    return DrawingAsked(question=number, drawing=drawing, earlier=earlier)


def answered(number: int, value: float = 1.0, classes: int = 10) -> ImagesPredicted:
    logits = (value, *[0.0] * (classes - 1))
    digits = tuple(Digit(index, bytes(784), None, logits) for index in (0, 1))
    return ImagesPredicted(digits=digits, step=number, question=number)


def folded(*events, state: DrawingAnswers | None = None) -> DrawingAnswers:
    state = state or DrawingAnswers()
    for event in events:
        state = fold_drawing(state, event)
    return state


def network(
    path: str | None, names: tuple[str, ...] = ("a", "b"), run: str = "run"
) -> NetworkChosen:
    return NetworkChosen(network=AskedNetwork(path, run, f"runs/{run}", 1, 9, names))


def test_older_answer_never_replaces_a_newer_one():
    state = folded(asked(1), asked(2), answered(1))
    assert state.answer.asked.question == 1  # of an older drawing, while the newer is awaited
    assert [each.question for each in state.asked] == [2]
    state = folded(answered(2), answered(1), state=state)
    assert state.answer.asked.question == 2
    assert state.asked == ()


def test_answers_to_others_change_nothing():
    """Other views and parts ask about images too."""
    state = folded(asked(1))
    assert folded(answered(0), answered(7), state=state) is state
    assert folded(CheckpointRefused(path="a", message="damaged"), state=state) is state


def test_answer_to_a_cleared_drawing_is_ignored():
    state = folded(network("a"), asked(1), answered(1), asked(2), DrawingCleared(), answered(2))
    assert (state.answer, state.history, state.asked) == (None, (), ())
    assert state.network.path == "a"


def test_history_is_bounded_and_evenly_spread():
    state = DrawingAnswers()
    for number in range(1, 1001):
        state = folded(asked(number), answered(number, float(number)), state=state)
        assert len(state.history) < MAX_HISTORY
    values = [logits[0] for logits in state.history]
    steps = {after - before for before, after in pairwise(values)}
    assert values[0] == 1
    assert len(steps) == 1
    assert state.latest[-1][0] == 1000


def test_history_is_of_the_network_now_and_of_its_classes():
    epoch = KeptEpoch(2, "epoch-002.safetensors")
    state = folded(asked(1), answered(1), EpochShown(earlier=epoch), asked(2, earlier=epoch))
    state = folded(answered(2, 5.0), state=state)
    assert state.answer.asked.earlier == epoch
    assert [logits[0] for logits in state.latest] == [1.0]
    state = folded(EpochShown(earlier=None), asked(3), answered(3, 2.0, classes=47), state=state)
    assert [len(logits) for logits in state.history] == [47]
    assert state.earlier is None


def test_refused_checkpoint_is_an_error_until_the_next_answer():
    refused = CheckpointRefused(path="a", message="a is damaged")
    state = folded(network("a"), asked(1), refused)
    assert (state.error, state.asked) == ("a is damaged", ())
    assert folded(asked(2), answered(2), state=state).error == ""
    assert folded(network("b"), state=state).error == ""


def test_network_with_other_classes_begins_anew():
    state = folded(network("a"), asked(1), answered(1), network("b"))
    assert state.answer is not None
    assert folded(network("c", ("x", "y")), state=state).answer is None


def test_answers_go_into_the_app_s_state():
    """They do not replace the predictions of a person's own images, which another view awaits."""
    images = ImagesPredicted(digits=(), step=1, source="a")
    state = fold_app(fold_app(AppState(), images), asked(1))
    state = fold_app(state, answered(1))
    assert state.images is images
    assert state.drawing.answer.step == 1


def test_another_run_forgets_answer_and_epoch():
    """Else they would stand below the name of the other run."""
    shown = EpochShown(earlier=KeptEpoch(1, "runs/run/epoch-001.safetensors"))
    state = folded(network(None), asked(1), answered(1), shown, network("runs/run/last"))
    assert state.answer, "the same run, which has ended"
    assert state.earlier
    other = folded(network(None, run="other"), state=state)
    assert (other.answer, other.earlier, len(other.history)) == (None, None, 1)
    between = folded(NetworkChosen(network=None), network(None, run="other"), state=state)
    assert (between.answer, between.earlier) == (None, None)

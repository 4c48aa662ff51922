"""Answers of the engine about checkpoints, which outlive a run."""

from core.responses.predictions import CheckpointRefused, ImagesPredicted
from tests.support.evaluations import fake_evaluation
from tui.state.app_state import MAX_COMPARED, AppState, CheckpointRequest, fold_app


def test_newest_evaluation_of_a_file_is_kept():
    state = AppState()
    for path in ("a", "b", "a", "c", "d", "e"):
        state = fold_app(state, fake_evaluation(path, {}))
    assert [each.path for each in state.evaluated] == ["a", "c", "d", "e"]
    assert len(state.evaluated) == MAX_COMPARED


def test_request_ignores_earlier_answers():
    """The file may have changed since: only what is answered after the request counts."""
    refused = CheckpointRefused(path="a", message="a is empty")
    images = ImagesPredicted(digits=(), step=1, source="a")
    state = AppState()
    for event in (fake_evaluation("a", {}), refused, images):
        state = fold_app(state, event)
    request = CheckpointRequest("a", state)
    assert (request.evaluation(state), request.error(state), request.images(state)) == (None,) * 3
    for event in (fake_evaluation("b", {}), CheckpointRefused(path="b", message="b is empty")):
        state = fold_app(state, event)
    assert (request.evaluation(state), request.error(state)) == (None, None)
    answer = fake_evaluation("a", {0: 1})
    state = fold_app(fold_app(state, answer), CheckpointRefused(path="a", message="gone"))
    assert request.evaluation(state) is answer
    assert request.error(state) == "gone"
    assert request.images(fold_app(state, ImagesPredicted(digits=(), step=1, source="b"))) is None
    newer = ImagesPredicted(digits=(), step=2, source="a")
    assert request.images(fold_app(state, newer)) is newer

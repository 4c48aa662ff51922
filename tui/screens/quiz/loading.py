"""A quiz whose network is being evaluated, or whose images are being read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.events import RunStarted
from core.responses.scores import CheckpointScored
from tui.analysis.digit_selection import with_predictions
from tui.analysis.prediction_comparison import predictions_of
from tui.analysis.quiz.images import choose_images
from tui.analysis.quiz.networks import QuizSource, scored_source
from tui.state.app_state import AppState, CheckpointRequest
from tui.state.quiz import Quiz, QuizKind
from tui.state.run_state import RunState


@dataclass(frozen=True)
class QuizLoading:
    """`request` is that for an evaluation, None where there is one. `indices` are those of the
    images; `run` the one that they are requested of."""

    kind: QuizKind
    seed: int
    source: QuizSource
    request: CheckpointRequest | None = None
    indices: tuple[int, ...] = ()
    run: RunStarted | None = None


def advance(loading: QuizLoading, app: AppState) -> QuizLoading:
    """Return the quiz with the images chosen, once there is an evaluation."""
    source = loading.source
    if loading.request and (scored := loading.request.evaluation(app)):
        source = scored_source(scored)
    if source.evaluation is None or loading.indices:
        return loading
    indices = choose_images(loading.kind, loading.seed, source.labels, source.evaluation)
    return replace(loading, source=source, request=None, indices=indices)


def make_quiz(loading: QuizLoading, run: RunState) -> Quiz | None:
    """Return the quiz once its images are there, with the predictions of the evaluation."""
    evaluation, network = loading.source.evaluation, loading.source.network
    if evaluation is None or network is None or not loading.indices:
        return None
    if isinstance(evaluation, CheckpointScored):
        digits = predictions_of(evaluation, loading.indices)
    else:
        known = {digit.index: digit for digit in run.digits}
        if not all(index in known for index in loading.indices):
            return None
        shown = tuple(known[index] for index in loading.indices)
        digits = with_predictions(shown, evaluation)
    return Quiz(network, loading.kind, loading.seed, digits)


def find_problem(loading: QuizLoading, run: RunState, app: AppState) -> str | None:
    """Return why the quiz cannot begin; None while it may."""
    if loading.request:
        return loading.request.error(app)
    if loading.source.path is None and run.started is not loading.run:
        return "another run has started"
    return None

"""Against which networks a quiz can be played: that of the run, and opened checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.events import Scored
from core.responses.scores import CheckpointScored
from tui.analysis.digit_selection import Evaluation
from tui.state.app_state import AppState
from tui.state.quiz import QuizNetwork
from tui.state.run_state import RunState
from tui.text.formats import format_percent, printable, shorten_folder


@dataclass(frozen=True)
class QuizSource:
    """A network to play against, as of its newest evaluation.

    `path` is that of a checkpoint, None for the network of the run; `evaluation` is None where the
    checkpoint has to be evaluated first. `labels` are those of all test images.
    """

    path: str | None
    evaluation: Evaluation | None = field(default=None, repr=False)
    labels: Sequence[int] = field(default=b"", repr=False)
    network: QuizNetwork | None = None

    @property
    def title(self) -> str:
        """The network and, if it is known, its test accuracy."""
        if self.network is None:
            return printable("/".join(Path(self.path or "").parts[-2:]))
        accuracy = format_percent(self.network.accuracy)
        return f"{describe_network(self.network)}: {accuracy} correct"


def describe_network(network: QuizNetwork) -> str:
    """Return the name of a snapshot with its epoch and step."""
    words = [network.arch]
    if network.epoch is not None:
        words.append(f"epoch {network.epoch}")
    if network.step is not None:
        words.append(f"step {network.step:,}")
    return printable(", ".join(words))


def describe_test_set(network: QuizNetwork) -> str:
    return f"{network.samples:,} test images of {shorten_folder(network.dataset)}"


def find_sources(run: RunState, app: AppState) -> tuple[QuizSource, ...]:
    """Return the networks to play against: the one in training or paused, the checkpoint that was
    opened last, that of the run that has ended, and others that were evaluated."""
    found: dict[str | None, QuizSource] = {}
    for source in _find(run, app):
        found.setdefault(source.path, source)
    return tuple(found.values())


def _find(run: RunState, app: AppState) -> Iterator[QuizSource]:
    own = _run_source(run)
    if own and run.is_active:
        yield own
    opened = app.opened
    if opened and opened.error is None and opened.path != run.checkpoint:
        yield source_of(opened.path, app)
    if own:
        yield own
    elif run.checkpoint:
        yield source_of(run.checkpoint, app)
    for each in reversed(app.evaluated):
        yield source_of(each.path, app)


def _run_source(state: RunState) -> QuizSource | None:
    """Return the network of the run at its newest evaluation; None before the first."""
    run, evaluation = state.started, state.evaluation
    if run is None or evaluation is None or not len(state.labels):
        return None
    return QuizSource(None, evaluation, state.labels, _run_network(state, evaluation))


def _run_network(state: RunState, evaluation: Scored) -> QuizNetwork:
    run = state.started
    assert run is not None
    scores = {score.step: score.accuracy for score in state.scores}
    seed = run.config.get("seed")
    return QuizNetwork(
        run.arch,
        run.run,
        run.dataset,
        evaluation.epoch,
        evaluation.step,
        scores.get(evaluation.step),
        len(state.labels),
        seed if isinstance(seed, int) else None,
        run.class_names,
    )


def source_of(path: str, app: AppState) -> QuizSource:
    """Return a checkpoint, with its evaluation if there is one."""
    scored = app.evaluation_of(path)
    return scored_source(scored) if scored else QuizSource(path)


def scored_source(scored: CheckpointScored) -> QuizSource:
    """Return an evaluated checkpoint."""
    labels = scored.classes
    network = QuizNetwork(
        scored.arch,
        scored.run,
        scored.dataset,
        scored.epoch,
        scored.step,
        scored.test_accuracy,
        len(labels),
        scored.seed,
        scored.class_names,
    )
    return QuizSource(scored.path, scored, labels, network)

"""Loads the state of a run that is resumed: its network, its events and its folder."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from core.checkpoints import io as checkpoints
from core.checkpoints.header import NO_SCORE, CheckpointInfo, Score, read_info, score_of
from core.config import TrainConfig
from core.errors import CheckpointError
from core.events import Evaluated, Event, LearningRateChanged, Progress, RunStarted
from core.files import replacing
from core.models.network_layers import STATE_PREFIXES
from core.runs.disk import explain_errors
from core.runs.event_reader import is_plausible
from core.runs.layout import BEST, LAST, step_file
from core.runs.run_writer import RunWriter, versions
from core.training.learner import Learner
from core.training.setup import Setup


@dataclass(frozen=True)
class Position:
    """Where training starts: at the first step, or where the checkpoint and the events end."""

    config: TrainConfig  # with the learning rate that a command had set
    info: CheckpointInfo | None = None
    best: Score = NO_SCORE
    notices: tuple[str, ...] = ()


def resume(run: RunWriter, learner: Learner, setup: Setup) -> Position:
    """Return a run to its resume point: the learner, the events and the folder.

    Raises CheckpointError; nothing of the run has changed where its checkpoint cannot be loaded.
    """
    with explain_errors(f"{run.folder} cannot be written"):
        position = _load(run, learner, setup)
        device, routes = str(setup.device), str(learner.route)
        scaling, content = learner.scaling, setup.content
        run.begin(position.config, setup.dataset, device, routes, scaling, content)
    return position


def _load(run: RunWriter, learner: Learner, setup: Setup) -> Position:
    info, notices, config = None, [], setup.config
    assert setup.resume_point
    if checkpoint := setup.resume_point.checkpoint:  # None for the run's first step
        info, state = checkpoints.load(checkpoint)
        load_state(learner, state, checkpoint)
        if checkpoint.name != LAST:
            notices += _replace_last(run, checkpoint, info.step)
    step = info.step if info else 0
    events = run.rewind(step, evaluated=info is not None and info.test_loss is not None)
    kept = [event for event in events if is_plausible(event)]
    until = max((event.step for event in kept if isinstance(event, Progress)), default=0)
    if until < step:
        notices.append(f"the events of steps {until + 1:,} to {step:,} are lost")
    notices += _find_differences(kept, run, learner)
    rates = [each.learning_rate for each in kept if isinstance(each, LearningRateChanged)]
    if rates:
        config = replace(config, learning_rate=rates[-1])
    return Position(config, info, _best_score(run, step, kept), tuple(notices))


def load_state(learner: Learner, state: dict[str, Tensor], checkpoint: Path) -> None:
    """Load a checkpoint's tensors into the learner. Raises CheckpointError.

    With imported weights, which have no state of an optimizer, that starts anew.
    """
    if not any(name.startswith(STATE_PREFIXES) for name in state):
        weights = learner.model.state_dict()
        state = {n: each for n, each in learner.state().items() if n not in weights} | state
    # Only a run on a GPU has the state of a GPU's random numbers.
    found, expected = (
        {name: each for name, each in tensors.items() if name != "rng.cuda"}
        for tensors in (state, learner.state())
    )
    what = f"{learner.config.arch} trained by {learner.config.optimizer}"
    checkpoints.check_fit(checkpoint, what, found, expected)
    learner.load_state(state)


def _replace_last(run: RunWriter, checkpoint: Path, step: int) -> list[str]:
    """Copy the checkpoint over last.safetensors, which always is where the run stands.

    A last of a later step keeps a name of its own; return the notice that says so.
    """
    last, notices = run.folder / LAST, []
    with suppress(CheckpointError):
        further = read_info(last).step
        if further > step:
            aside = run.folder / step_file(further)
            last.replace(aside)
            notices.append(
                f"the run returns from step {further:,} to {step:,}; "
                f"the checkpoint of step {further:,} is kept as {aside}"
            )
    with replacing(last, durable=True) as file:
        file.write(checkpoint.read_bytes())
    return notices


def _best_score(run: RunWriter, step: int, kept: list[Event]) -> Score:
    """Return the score that a new best.safetensors must beat.

    That is the file's own; where the file is of a later step than the run now is, it is the best
    evaluation up to here, and the file stays until that is beaten.
    """
    try:
        there = read_info(run.folder / BEST)
    except CheckpointError:
        return NO_SCORE
    if there.step <= step:
        return score_of(there)
    scores = [(e.test_accuracy, -e.test_loss) for e in kept if isinstance(e, Evaluated)]
    return max(scores, default=NO_SCORE)


def _find_differences(kept: list[Event], run: RunWriter, learner: Learner) -> list[str]:
    """Return a notice where settings changed that may change the last bits of the results."""
    known = run.description.get("versions")
    before: dict[str, Any] = dict(known) if isinstance(known, dict) else {}
    now: dict[str, Any] = {
        "device": str(learner.device),
        "threads": learner.route.threads,
        "precision": learner.route.precision,
        "routes": str(learner.route),
        "ranks": learner.ranks.world if learner.ranks else 1,
    }
    for event in kept:
        if isinstance(event, RunStarted):
            before |= {name: getattr(event, name) for name in now}
    # Routes name both of these; earlier versions recorded these alone.
    for name in ("threads", "precision") if before.get("routes") else ("routes",):
        now.pop(name)
    now["torch"] = versions()["torch"]
    differing = [
        f"{name} {'were' if name == 'routes' else 'was'} {before[name]}, now {here}"
        for name, here in now.items()
        if name in before and before[name] != here
    ]
    return [f"results may differ in the last bits: {', '.join(differing)}"] if differing else []

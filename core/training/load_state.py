"""Puts a run that is taken up back to where its checkpoint is: network, record and folder."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from core.checkpoints import io as checkpoints
from core.checkpoints.header import NO_SCORE, SUFFIX, CheckpointInfo, Score, read_info, score_of
from core.errors import CheckpointError
from core.events import Evaluated, Event, LearningRateChanged, Progress, RunStarted
from core.files import replacing
from core.runs.event_reader import is_plausible
from core.runs.layout import BEST, LAST
from core.runs.run_writer import RunWriter, versions
from core.training.learner import Learner

# What a run's start tells of how its steps are made, beside its settings.
DIFFERING = ("device", "threads", "precision", "ranks")


@dataclass(frozen=True)
class Position:
    """Where a run begins: at its first step, or with what a checkpoint and the record say."""

    info: CheckpointInfo | None = None
    best: Score = NO_SCORE
    learning_rate: float | None = None  # where it was changed on the way
    notices: tuple[str, ...] = ()


def restore(run: RunWriter, learner: Learner, checkpoint: Path | None) -> Position:
    """Puts learner, record and folder where the checkpoint is; at the first step for None.

    Raises CheckpointError, and then nothing has been changed, and OSError.
    """
    info, notices = None, []
    if checkpoint is not None:
        info, state = checkpoints.load(checkpoint)
        load_state(learner, state, checkpoint)
        if checkpoint.name != LAST:
            notices += _put_first(run, checkpoint, info.step)
    step = info.step if info else 0
    told = run.rewind(step, evaluated=info is not None and info.test_loss is not None)
    kept = [event for event in told if is_plausible(event)]
    until = max((event.step for event in kept if isinstance(event, Progress)), default=0)
    if until < step:
        notices.append(f"what the run told of steps {until + 1:,} to {step:,} is lost")
    notices += _differences(kept, run, learner)
    rates = [each.learning_rate for each in kept if isinstance(each, LearningRateChanged)]
    return Position(info, _best(run, step, kept), rates[-1] if rates else None, tuple(notices))


def load_state(learner: Learner, state: dict[str, Tensor], checkpoint: Path) -> None:
    """Gives the learner the state that was in a checkpoint. Raises CheckpointError."""
    # The state of a GPU's random numbers is there only for a run on a GPU.
    found, expected = (
        {name: each for name, each in tensors.items() if name != "rng.cuda"}
        for tensors in (state, learner.state())
    )
    what = f"{learner.config.arch} trained by {learner.config.optimizer}"
    checkpoints.check_fit(checkpoint, what, found, expected)
    learner.restore(state)


def _put_first(run: RunWriter, checkpoint: Path, step: int) -> list[str]:
    """Makes the checkpoint the run's last one, since the folder must say at every moment where the
    run is. A last that is further on stays under another name; gives what to say of that.
    """
    last, notices = run.folder / LAST, []
    with suppress(CheckpointError):
        further = read_info(last).step
        if further > step:
            aside = run.folder / f"step-{further}{SUFFIX}"
            last.replace(aside)
            notices.append(
                f"the run goes back from step {further:,} to {step:,}; "
                f"what it had learned until then is kept in {aside}"
            )
    with replacing(last, durable=True) as file:
        file.write(checkpoint.read_bytes())
    return notices


def _best(run: RunWriter, step: int, kept: list[Event]) -> Score:
    """The score to be beaten by best.safetensors: its own; where it is of later than the run now
    is, the best until here, and the file stays until that is beaten.
    """
    try:
        there = read_info(run.folder / BEST)
    except CheckpointError:
        return NO_SCORE
    if there.step <= step:
        return score_of(there)
    scores = [(e.test_accuracy, -e.test_loss) for e in kept if isinstance(e, Evaluated)]
    return max(scores, default=NO_SCORE)


def _differences(kept: list[Event], run: RunWriter, learner: Learner) -> list[str]:
    """What is not as it was before, and may change the last bits of the run's numbers."""
    known = run.description.get("versions")
    before: dict[str, Any] = dict(known) if isinstance(known, dict) else {}
    for event in kept:
        if isinstance(event, RunStarted):
            before |= {name: getattr(event, name) for name in DIFFERING}
    now = {
        "device": str(learner.device),
        "threads": learner.threads,
        "precision": learner.precision,
        "ranks": learner.ranks.world if learner.ranks else 1,
        "torch": versions()["torch"],
    }
    differing = [
        f"{name} was {before[name]} and is {here}"
        for name, here in now.items()
        if name in before and before[name] != here
    ]
    if not differing:
        return []
    return [f"the last bits may differ from an uninterrupted run: {', '.join(differing)}"]

"""Trains a few steps again from a checkpoint and reports whether the results are identical."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo
from core.compute.devices import choose_device
from core.data.batches import steps_per_epoch
from core.errors import CheckpointError, DeviceError, UsageError
from core.events import Event, Notice
from core.optim.schedules import PLANNED
from core.replay import rerun
from core.replay.reference import MeanLoss, Reference, Segment, read_reference
from core.runs.data_folder import check_classes, load_run_data
from core.runs.description import read_description
from core.runs.resume import stored_config
from core.runs.run_writer import versions
from core.training.routes.choice import route_of_record
from core.user import host_name


@dataclass(frozen=True)
class ReplayResult:
    """What became of the steps `first` to `last`, counted from 1.

    `losses` (means) and `scores` (evaluations) count what was compared with the record, `saved`
    names the checkpoints. `twice` where the record ends earlier, so the steps were trained a second
    time and compared with the first.
    """

    first: int
    last: int
    losses: int
    scores: int
    saved: tuple[str, ...]
    twice: bool
    difference: rerun.StepDifference | None
    notes: tuple[str, ...]
    causes: tuple[str, ...]  # what has changed and may cause a difference

    @property
    def identical(self) -> bool:
        return self.difference is None

    @property
    def text(self) -> str:
        """Return the difference or what was compared, and the notes."""
        if self.difference:
            return "; ".join([self.difference.text, *self.notes])
        compared = [_count(self.last - self.first + 1, "step", "steps")]
        if self.losses:
            compared.append(f"{_count(self.losses, 'loss', 'losses')} of the record")
        if self.scores:
            compared.append(_count(self.scores, "test score", "test scores"))
        if self.saved:
            compared.append(f"{' and '.join(self.saved)} to the bit")
        if self.twice:
            compared.append("trained twice with equal losses and final state")
        return "; ".join([f"identical: {', '.join(compared)}", *self.notes])


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def replay(path: Path, steps: int, data: str | None = None) -> Iterator[Event | ReplayResult]:
    """Yield progress, and at last the ReplayResult. The run's folder is only read.

    Raises UserError.
    """
    info, state = checkpoints.load(path)
    if "rng.torch" not in state:
        raise CheckpointError(f"{path} has weights only: there is no training to repeat")
    check_classes(path, info)
    reference, notes = _read_reference(path, info)
    _, tensors = yield from load_run_data(info.dataset, info.config, data, exact=True)
    segments = reference.segments_from(info.step, info.step + steps)
    settings, causes = _settings(path, info, segments, len(tensors.train_labels))
    causes += _changes(path.parent)
    for each in causes:
        yield Notice(message=f"{each}: results may differ in the last bits")
    origin = rerun.Origin(path, info, state, tensors, settings, reference)
    until = _until(origin, info.step + steps)
    if until < info.step + steps:
        notes.append(f"its schedule {settings[-1].config.schedule} ends at step {until:,}")
    expected = rerun.expected_after(origin, until)
    run = rerun.Rerun(origin)
    losses, difference = yield from rerun.compare(run, expected, until, "training again")
    twice = difference is None and expected.end < until
    if twice:
        first_time = checkpoints.snapshot(run.learner.state())
        del run  # it holds the dataset in memory too
        run, against = rerun.Rerun(origin), "the first time"
        singly = [MeanLoss(step, step, loss) for step, loss in enumerate(losses, info.step + 1)]
        before = rerun.Expected(info.step, singly, against=against)
        _, difference = yield from rerun.compare(run, before, until, "training a second time")
        state = checkpoints.snapshot(run.learner.state())
        difference = difference or rerun.check_tensors(state, first_time, until, against)
    yield ReplayResult(
        first=info.step + 1,
        last=until,
        losses=len(expected.mean_losses),
        scores=len(expected.evaluations),
        saved=tuple(expected.compared),
        twice=twice,
        difference=difference,
        notes=(*notes, *expected.notes),
        causes=tuple(causes),
    )


def _read_reference(path: Path, info: CheckpointInfo) -> tuple[Reference, list[str]]:
    """Return the record from the checkpoint on, and notes on what it lacks.

    Where the run took another path from there, the record only has how its steps were trained.
    """
    reference = read_reference(path.parent)
    if not reference.segments:
        return Reference(), ["no events.jsonl beside the checkpoint"]
    if not reference.is_of(info):
        return Reference(), ["the events.jsonl beside the checkpoint is of another run"]
    if not reference.has(info):
        segments = reference.segments
        last = [each for each in segments if each.step <= info.step] or segments
        segment = replace(last[-1], step=info.step, config=info.config)
        return Reference(segments=[segment]), ["the run continued differently from there"]
    return reference, []


def _settings(
    path: Path, info: CheckpointInfo, segments: list[Segment], count: int
) -> tuple[tuple[rerun.StepSettings, ...], list[str]]:
    """Return the settings of each segment, and what of them is not available here.

    Raises CheckpointError and DeviceError.
    """
    settings, missing = [], dict[str, None]()
    for segment in segments or [Segment(info.step, info.config, "auto", "auto", None)]:
        here = {"dataset": info.dataset, "checkpoints": ".", "data": None}
        threads = {} if segment.threads is None else {"threads": max(1, segment.threads)}
        config = stored_config(path, {**segment.config, **here, **threads})
        if config.batch_size > count:
            raise CheckpointError(
                f"{path} was trained in batches of {config.batch_size:,}, but the dataset has "
                f"{count:,} images"
            )
        try:
            device = choose_device(segment.device)
        except DeviceError as error:
            device = choose_device("auto")
            missing[f"the run was trained on {segment.device}, not available here ({error})"] = None
        if segment.ranks > 1:
            missing[f"the run was trained by {segment.ranks} processes, here by one"] = None
        wanted = config.precision if segment.precision == "auto" else segment.precision
        routes = segment.routes or (info.routes if not segments else "")
        route, is_here = route_of_record(config, device, routes, wanted)
        if not is_here:
            missing[f"the run was trained by the routes {routes}, here by {route}"] = None
        settings.append(rerun.StepSettings(segment.step, config, route, device))
    return tuple(settings), list(missing)


def _until(origin: rerun.Origin, wanted: int) -> int:
    """Return the last step to train. Raises UsageError where none is left after the origin."""
    # Up to the end of the steps that the record has one mean loss of.
    ends = [each.last for each in origin.reference.mean_losses if each.first <= wanted <= each.last]
    wanted = max(wanted, *ends, 0)
    config = origin.settings[-1].config
    if config.schedule not in PLANNED:
        return wanted
    per_epoch = steps_per_epoch(len(origin.tensors.train_labels), config.batch_size)
    until = min(wanted, per_epoch * config.epochs)
    if until <= origin.info.step:
        raise UsageError(
            f"{origin.path} is at the end of its run, whose schedule {config.schedule} has no "
            "steps left: choose an earlier checkpoint"
        )
    return until


def _changes(folder: Path) -> list[str]:
    """Return what differs here from the machine that run.json describes."""
    described, now, changes = read_description(folder), versions()["torch"], []
    match described:
        case {"versions": {"torch": str(before)}} if before != now:
            changes.append(f"torch was {before} and is {now}")
    match described:
        case {"host": str(host)} if host != host_name():
            changes.append(f"the run was trained on another machine, {host}")
    return changes

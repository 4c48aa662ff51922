"""What a run says of itself: its first and last event, and the description in its checkpoints."""

from __future__ import annotations

from dataclasses import asdict
from time import time
from typing import TYPE_CHECKING

from core.checkpoints.header import CheckpointInfo
from core.events import RunFinished, RunStarted
from core.models.architectures import CUSTOM
from core.training.diagnostics import dead_share

if TYPE_CHECKING:
    from core.training.loop import TrainingLoop


def run_started(loop: TrainingLoop) -> RunStarted:
    return RunStarted(
        run=loop.run.name,
        folder=str(loop.run.folder),
        arch=loop.arch,
        network=_text(loop),
        dataset=loop.setup.dataset,
        device=str(loop.learner.device),
        parameters=loop.network.parameters,
        epochs=loop.config.epochs,
        batch_size=loop.config.batch_size,
        steps_per_epoch=loop.steps_per_epoch,
        total_steps=loop.total_steps,
        train_samples=loop.setup.train_samples,
        test_samples=len(loop.tensors.test_labels),
        classes=len(loop.class_names),
        class_names=loop.class_names,
        threads=loop.learner.route.threads,
        config=asdict(loop.config) | loop.setup.content,
        precision=loop.learner.route.precision,
        routes=str(loop.learner.route),
        route_seconds=loop.setup.route_seconds,
        step=loop.step,
        ranks=loop.setup.ranks,
        branched_from=loop.run.branched[0],
        branched_at=loop.run.branched[1],
        input_mean=loop.learner.scaling.mean,
        input_std=loop.learner.scaling.std,
    )


def run_finished(loop: TrainingLoop) -> RunFinished:
    seconds = loop.watch.seconds
    return RunFinished(
        epochs=loop.epoch,
        steps=loop.step,
        test_loss=loop.test_loss,
        test_accuracy=loop.test_accuracy,
        train_seconds=seconds,
        samples_per_second=loop.samples / seconds if seconds else 0.0,
        checkpoint=loop.writer.last,
        stopped=loop.stopping,
        dead_units=dead_share(loop.learner, loop.tensors),
    )


def checkpoint_info(loop: TrainingLoop) -> CheckpointInfo:
    evaluated = loop.evaluated_step == loop.step
    file = loop.network.file
    return CheckpointInfo(
        run=loop.run.name,
        arch=loop.arch,
        network=_text(loop),
        source=file.source if file else "",
        source_digest=file.digest if file else "",
        dataset=loop.setup.dataset,
        class_names=loop.class_names,
        config=asdict(loop.config) | loop.setup.content,
        epoch=loop.epoch,
        step=loop.step,
        test_loss=loop.test_loss if evaluated else None,
        test_accuracy=loop.test_accuracy if evaluated else None,
        parameters=loop.network.parameters,
        saved_at=time(),
        train_seconds=loop.watch.seconds,
        input_mean=loop.learner.scaling.mean,
        input_std=loop.learner.scaling.std,
        block_loss=loop.loss_check.total,
        routes=str(loop.learner.route),
    )


def _text(loop: TrainingLoop) -> str:
    """Return the text of a network that is not one of the program's."""
    network = loop.network
    return network.text if network.name == CUSTOM else ""

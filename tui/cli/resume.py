"""`mnist-tui resume`: continue a run without the app."""

from typing import Annotated

import typer

from core.config import parse
from tui.cli.console import checkpoints_folder
from tui.cli.options import CheckpointsDir, DataDir, OnHangup, RunOrCheckpoint
from tui.cli.train import AsJson, Detach, DryRun, Quiet, TensorBoard, TrainOptions, start_training
from tui.headless.torchrun import follow_first_rank, is_follower
from tui.signals import CONTINUE


def resume(
    run: RunOrCheckpoint,
    epochs: Annotated[str | None, typer.Option(metavar="N", help="total number of epochs")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="device to use instead of the run's own")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    detach: Detach = False,
    on_hangup: OnHangup = CONTINUE,
    dry_run: DryRun = False,
    tensorboard: TensorBoard = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Continue a run exactly where it stopped.

    The result is the same as that of an uninterrupted run.
    """
    if is_follower() and not dry_run:  # the first process of torchrun sends this one all it needs
        return follow_first_rank()
    from core.runs.resume import prepare_resume

    config, resume_point = prepare_resume(
        run,
        checkpoints_folder(checkpoints),
        None if epochs is None else parse("epochs", epochs),
        data,
        None if device is None else parse("device", device),
    )
    options = TrainOptions(as_json, quiet, detach, on_hangup, dry_run, tensorboard)
    return start_training(config, resume_point, options)

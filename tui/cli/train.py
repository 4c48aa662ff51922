"""`mnist-tui train` and `mnist-tui resume`: training without the app."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from core.commands import ResumePoint
from core.config import TrainConfig, parse
from core.errors import UsageError
from core.training.ranks import launched
from tui.cli.console import checkpoints_folder
from tui.cli.options import (
    CheckpointsDir,
    DataDir,
    NetworkFile,
    OnHangup,
    RunOrCheckpoint,
    with_config,
)
from tui.headless.torchrun import follow_first_rank, is_follower
from tui.signals import CONTINUE

HOW_TRAINING_ENDS = (
    "Ctrl-C, SIGTERM, SIGUSR1 and SIGUSR2 save a checkpoint and exit; `mnist-tui resume` continues "
    "from there. Job queues can send one before their time limit (Slurm: --signal=USR1@60). Exit "
    "status: 0 finished, 1 failed, 2 wrong usage, 3 diverged, 128+N ended by signal N (143: "
    "SIGTERM)."
)

AsJson = Annotated[bool, typer.Option("--json", help="print events, one JSON object a line")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print errors only")]
Detach = Annotated[
    bool, typer.Option("--detach", help="train in the background, and print the name")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="print the settings as a file for --config; train nothing")
]
FindRate = Annotated[
    bool,
    typer.Option(
        "--find-lr",
        help="search for a learning rate within 200 steps, print a chart and a suggestion; train "
        "no run",
    ),
]
TensorBoard = Annotated[
    bool,
    typer.Option(
        "--tensorboard", help="also write event files to tensorboard/ in the run's folder"
    ),
]


@dataclass(frozen=True)
class TrainOptions:
    """How to train without the app, beside the config."""

    as_json: bool
    quiet: bool
    detach: bool
    on_hangup: str
    dry_run: bool
    tensorboard: bool
    find_rate: bool = False


@with_config
def train(
    config: TrainConfig,
    as_json: AsJson = False,
    quiet: Quiet = False,
    detach: Detach = False,
    on_hangup: OnHangup = CONTINUE,
    dry_run: DryRun = False,
    tensorboard: TensorBoard = False,
    find_rate: FindRate = False,
) -> int:
    """Train without the app.

    Prints a progress bar on a terminal, else plain lines. Under torchrun, all processes train one
    network, each on a GPU of its own if there are enough, and divide each batch of --batch-size
    images among them: torchrun --standalone --nproc-per-node 2 --no-python mnist-tui train
    """
    options = TrainOptions(as_json, quiet, detach, on_hangup, dry_run, tensorboard, find_rate)
    if find_rate:
        return _find_rate(config, options)
    return _start_training(config, None, options)


def _find_rate(config: TrainConfig, options: TrainOptions) -> int:
    """Search for a learning rate and print it. Returns the exit status."""
    others = ("quiet", "detach", "dry_run", "tensorboard")
    for name in filter(partial(getattr, options), others):
        raise UsageError(f"--find-lr cannot be used with --{name.replace('_', '-')}")
    if launched():
        raise UsageError("--find-lr cannot be used under torchrun")
    from tui.cli.output.found_rate import print_found_rate

    return print_found_rate(config, as_json=options.as_json)


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
    arch: NetworkFile = None,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Continue a run or a race exactly where it stopped.

    The result is the same as that of an uninterrupted run. RUN_OR_CHECKPOINT may name a race.
    """
    folder = checkpoints_folder(checkpoints)
    # Before others wait for the first process of torchrun, which would not come: a race is refused.
    from core.race.record import find_race

    if race := find_race(run, folder):
        given = {"epochs": epochs, "device": device, "data": data}
        given |= {"dry-run": "yes"} if dry_run else {}
        given |= {"tensorboard": "yes"} if tensorboard else {}
        return _resume_race(race, given, as_json, quiet, detach, on_hangup)
    if is_follower() and not dry_run:  # the first process of torchrun sends this one all it needs
        return follow_first_rank()
    from core.runs.resume import prepare_resume

    total = None if epochs is None else parse("epochs", epochs)
    where = None if device is None else parse("device", device)
    config, resume_point = prepare_resume(run, folder, total, data, where)
    options = TrainOptions(as_json, quiet, detach, on_hangup, dry_run, tensorboard)
    return _start_training(config, resume_point, options)


def _resume_race(
    race: Path,
    given: dict[str, str | None],
    as_json: bool,
    quiet: bool,
    detach: bool,
    on_hangup: str,
) -> int:
    """Continue a race. Raises UsageError for an option that is of a single run."""
    from tui.cli.race.race import resume_race

    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{race.name} is a race, which is resumed as it is, without --{name}")
    return resume_race(race, as_json=as_json, quiet=quiet, detach=detach, on_hangup=on_hangup)


def _start_training(
    config: TrainConfig, resume_point: ResumePoint | None, options: TrainOptions
) -> int:
    """Train, or with --dry-run print what would be trained. Returns the exit status."""
    if options.detach and launched():
        raise UsageError("--detach cannot be used under torchrun")
    if options.detach and options.tensorboard:
        later = "`mnist-tui runs export-metrics RUN --format tensorboard`"
        raise UsageError(f"--tensorboard cannot be used with --detach; use {later} at any time")
    if options.dry_run:
        from tui.cli.output.dry_run import print_plan

        return print_plan(config, resume_point, options)
    as_json, quiet = options.as_json, options.quiet
    if options.detach:
        from tui.headless.detached import train_detached

        return train_detached(config, resume_point, as_json=as_json, quiet=quiet)
    from tui.headless.train import train_headless

    return train_headless(
        config,
        resume_point,
        as_json=as_json,
        quiet=quiet,
        tensorboard=options.tensorboard,
        on_hangup=options.on_hangup,
    )

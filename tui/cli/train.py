"""`mnist-tui train` and `mnist-tui resume`: training without the app."""

from typing import Annotated

import typer

from core.commands import ResumePoint
from core.config import TrainConfig, parse
from core.errors import UsageError
from core.training.ranks import launched
from tui.cli.console import CheckpointsDir, DataDir, folder_of
from tui.cli.options import environment_variable, with_config
from tui.headless.torchrun import follow_first_rank, is_follower
from tui.signals import CONTINUE, ON_HANGUP

HOW_IT_ENDS = (
    "Ctrl-C, SIGTERM and what a job queue sends ahead of its limit (SIGUSR1 or SIGUSR2, as with "
    "Slurm's --signal=USR1@60) save and end; `mnist-tui resume` goes on from there. Exit status: 0 "
    "finished, 1 failed, 2 wrong usage, 3 diverged, 128+N ended by signal N (143: SIGTERM)."
)


def parse_on_hangup(text: str) -> str:
    """Return the choice. `go-on` was the name of `continue`, and still works in scripts."""
    choice = CONTINUE if text == "go-on" else text
    if choice not in ON_HANGUP:
        raise UsageError(f"--on-hangup must be {' or '.join(ON_HANGUP)}, not {text!r}")
    return choice


AsJson = Annotated[bool, typer.Option("--json", help="print events, one JSON a line")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print errors only")]
Detach = Annotated[
    bool,
    typer.Option("--detach", help="train in a process of its own, and print the run's name"),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="print what would be done, as a file for --config; do nothing"),
]
TensorBoard = Annotated[
    bool,
    typer.Option("--tensorboard", help="write event files as well, to tensorboard/ in the run"),
]
OnHangup = Annotated[
    str,
    typer.Option(
        metavar="|".join(ON_HANGUP),
        envvar=environment_variable("on_hangup"),
        show_envvar=False,
        callback=parse_on_hangup,
        help="on disconnect: keep training in the background, or save and exit",
    ),
]


@with_config
def train(
    config: TrainConfig,
    as_json: AsJson = False,
    quiet: Quiet = False,
    detach: Detach = False,
    on_hangup: OnHangup = CONTINUE,
    dry_run: DryRun = False,
    tensorboard: TensorBoard = False,
) -> int:
    """Train without the app.

    Shows a progress bar on a terminal, and plain lines elsewhere. Under torchrun its processes
    train one network together, on a GPU each where there are any, and --batch-size is what they
    share at each step: torchrun --standalone --nproc-per-node 2 -m tui train
    """
    return _train(config, None, as_json, quiet, detach, on_hangup, dry_run, tensorboard)


def resume(
    run: Annotated[
        str,
        typer.Argument(
            help="a run's name, its folder or one of its checkpoints", metavar="RUN_OR_CHECKPOINT"
        ),
    ],
    epochs: Annotated[
        str | None, typer.Option(metavar="N", help="train to so many epochs in all")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="another device than before")
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
    """Go on with a run exactly where it stopped."""
    if is_follower() and not dry_run:  # all that it needs it is told
        return follow_first_rank()
    from core.runs.resume import prepare_resume

    more = None if epochs is None else parse("epochs", epochs)
    other = None if device is None else parse("device", device)
    config, resume_point = prepare_resume(run, folder_of(checkpoints), more, data, other)
    return _train(config, resume_point, as_json, quiet, detach, on_hangup, dry_run, tensorboard)


def _train(
    config: TrainConfig,
    resume_point: ResumePoint | None,
    as_json: bool,
    quiet: bool,
    detach: bool,
    on_hangup: str,
    dry_run: bool,
    tensorboard: bool,
) -> int:
    if detach and launched():
        raise UsageError("--detach does not go with torchrun, which ends with what it started")
    if detach and tensorboard:
        later = "`mnist-tui runs export-metrics RUN --format tensorboard`"
        raise UsageError(f"--tensorboard does not go with --detach; use {later} at any time")
    if dry_run:
        from tui.cli.output.dry_run import tell_plan

        return tell_plan(
            config, resume_point, as_json=as_json, quiet=quiet, tensorboard=tensorboard
        )
    if detach:
        from tui.headless.detached import train_detached

        return train_detached(config, resume_point, as_json=as_json, quiet=quiet)
    from tui.headless.train import train_headless

    return train_headless(
        config,
        resume_point,
        as_json=as_json,
        quiet=quiet,
        tensorboard=tensorboard,
        on_hangup=on_hangup,
    )

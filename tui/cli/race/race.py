"""`mnist-tui race`, and a race where `resume` and `attach` take a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.commands import StartRace
from core.config import TrainConfig
from core.errors import CheckpointError, UsageError, quoted
from core.race.plan import parse_goal, parse_seeds, plan_race
from core.training.ranks import launched
from tui.cli.console import checkpoints_folder, is_typed, why_no_app
from tui.cli.options import OnHangup, SlowLink
from tui.cli.race.lanes import Given, with_lanes
from tui.cli.train import AsJson, Detach, Quiet
from tui.signals import CONTINUE
from tui.text.console import complain
from tui.text.formats import printable

if TYPE_CHECKING:
    from core.race.record import RaceRecord

HOW_RACES_END = (
    "Ctrl-C, SIGTERM, SIGUSR1 and SIGUSR2 save all lanes and exit; `mnist-tui resume RACE` "
    "continues the race. Exit status: 0 a lane has finished, 1 failed, 2 wrong usage, 3 all lanes "
    "diverged, 128+N ended by signal N."
)


Seeds = Annotated[
    str, typer.Option(metavar="N", help="train each lane with N seeds: --seed and those above")
]
Order = Annotated[
    str,
    typer.Option(
        metavar="samples|time", help="let all lanes train equally many images, or equally long"
    ),
]
Goal = Annotated[
    str | None,
    typer.Option(
        metavar="ACCURACY",
        help="goal: the test accuracy to reach first, such as 0.97 or 97%; all epochs are trained",
    ),
]
Show = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="show the result of an earlier race; train nothing"),
]
Plain = Annotated[
    bool, typer.Option("--plain", help="print lines, also on a terminal; do not open the app")
]
PlanOnly = Annotated[
    bool, typer.Option("--dry-run", help="print the lanes and what differs; train nothing")
]
# What --show can be used with: where the race is, and how it is shown.
WITH_SHOW = ("show", "checkpoints", "as_json", "plain", "quiet", "slow_link", "on_hangup")


@with_lanes
def race(
    context: typer.Context,
    given: Given,
    seeds: Seeds = "1",
    by: Order = "samples",
    to: Goal = None,
    show: Show = None,
    plain: Plain = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    detach: Detach = False,
    dry_run: PlanOnly = False,
    on_hangup: OnHangup = CONTINUE,
    slow_link: SlowLink = False,
) -> int:
    """Train two to four runs in turn, and see which learns best.

    The runs are lanes that differ in one setting. Give it several values: --lr 0.1,0.01,0.001 or
    --arch linear,mlp,quick; repeat --arch for networks that are layers as text. All else is the
    same: each run sees the images in the same order. Opens the app on a terminal, else prints
    lines.
    """
    settings, values = given
    is_app = not (plain or as_json or quiet or detach or dry_run or why_no_app())
    refuse_torchrun()
    if show is not None:
        _refuse_with_show(context)
        folder = values.get("checkpoints") or [settings.get("checkpoints")]
        return _show(show, folder[0], as_json=as_json, in_app=is_app, slow=slow_link)
    goal = None if to is None else parse_goal(to)
    plan = plan_race(settings, values, by=by, seeds=parse_seeds(seeds), goal=goal)
    if dry_run:
        from tui.cli.race.table import print_plan

        return print_plan(plan, as_json=as_json)
    start = StartRace(plan)
    if is_app:
        from tui.cli.start_app import run_app

        config = plan.lanes[0].config
        return run_app(config, race=start, on_hangup=on_hangup, slow=slow_link)
    return start_race(start, as_json=as_json, quiet=quiet, detach=detach, on_hangup=on_hangup)


def refuse_torchrun() -> None:
    """Raise UsageError in a process that torchrun has started."""
    if launched():
        raise UsageError("a race does not run under torchrun")


def _refuse_with_show(context: typer.Context) -> None:
    """Raise UsageError for an option of a race that is to be run."""
    for option in context.command.params:
        if option.name not in WITH_SHOW and is_typed(context, option.name or ""):
            raise UsageError(f"--show cannot be used with {option.opts[0]}")


def start_race(
    start: StartRace,
    *,
    as_json: bool = False,
    quiet: bool = False,
    detach: bool = False,
    on_hangup: str = CONTINUE,
) -> int:
    """Run a race without the app, or in the background. Returns the exit status."""
    if detach:
        from tui.headless.detached import race_detached

        return race_detached(start, as_json=as_json, quiet=quiet)
    from tui.cli.race.table import print_end
    from tui.headless.race import race_headless

    return race_headless(start, print_end, as_json=as_json, quiet=quiet, on_hangup=on_hangup)


def _show(name: str, checkpoints: str | None, *, as_json: bool, in_app: bool, slow: bool) -> int:
    from core.race.record import read_race, resolve_race

    folder = resolve_race(name, checkpoints_folder(checkpoints))
    if in_app:
        return open_race(folder, slow=slow)
    from tui.cli.race.table import print_record

    print_record(read_race(folder), as_json=as_json)
    return 0


def open_race(folder: Path, *, slow: bool = False) -> int:
    """Open the app on a race: one in progress, which it follows, or the record of one."""
    from core.attach.race import RaceViewer
    from tui.cli.start_app import run_app

    viewer = RaceViewer(folder)
    config = viewer.record.plan.lanes[0].config
    return run_app(config, host=viewer, slow=slow)


def resume_race(folder: Path, *, as_json: bool, quiet: bool, detach: bool, on_hangup: str) -> int:
    """Continue a race whole. Raises UsageError where nothing of it is left to train."""
    from core.race.record import is_race_live, read_race
    from core.race.resume import is_over

    refuse_torchrun()
    record = read_race(folder)
    if is_race_live(record):
        raise CheckpointError(
            f"{printable(record.name)} is in progress: `mnist-tui attach {_named(folder)}` "
            "follows it"
        )
    if is_over(record):
        raise UsageError(
            f"{printable(record.name)} has finished: `mnist-tui race --show {_named(folder)}` "
            "shows its result"
        )
    start = StartRace(record.plan, folder)
    return start_race(start, as_json=as_json, quiet=quiet, detach=detach, on_hangup=on_hangup)


def attach_race(folder: Path, *, as_json: bool, slow: bool) -> int:
    """Follow a race in another process, in the app or as lines. Returns the exit status.

    Raises CheckpointError where it is not in progress.
    """
    from core.race.record import is_race_live, read_race

    record = read_race(folder)
    if not is_race_live(record):
        raise CheckpointError(_why_not_live(record, folder))
    if not as_json and not why_no_app():
        return open_race(folder, slow=slow)
    from core.attach.race import RaceViewer
    from tui.cli.race.table import print_end
    from tui.headless.race import print_attached_race

    if not as_json:
        complain(f"attached to {record.name}; Ctrl-C detaches")
    return print_attached_race(RaceViewer(folder), record.plan, print_end, as_json=as_json)


def _why_not_live(record: "RaceRecord", folder: Path) -> str:
    from core.race.resume import is_over

    if is_over(record):
        how = f"`mnist-tui race --show {_named(folder)}` shows its result"
        return f"{printable(record.name)} has finished; {how}"
    return (
        f"{printable(record.name)} is not running: resume it with "
        f"`mnist-tui resume {_named(folder)}`"
    )


def _named(folder: Path) -> str:
    """Return how a command line names a race: by its name if it is in the usual folder."""
    is_usual = folder.parent == TrainConfig().folder
    return quoted(folder.name if is_usual else folder)

"""`mnist-tui missions`, `missions list` and `missions start`: tasks with a prediction first."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import UsageError, UserError, printable
from tui.cli.console import print_json, refuse_options_before, why_no_app
from tui.cli.options import AsJson, CheckpointsDir, DataDir, SlowLink
from tui.cli.output.tables import print_table
from tui.text.console import complain

if TYPE_CHECKING:
    from tui.missions.mission import Mission
    from tui.missions.progress import MissionProgress

From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DIR",
        help="folder of missions of your own, files such as 01-rates.toml",
        show_default=False,
    ),
]


def list_missions(context: typer.Context, as_json: AsJson = False, from_folder: From = None) -> int:
    """List the missions: tasks with a prediction first, checked on what the runs did.

    Any mission can be started at once; those that are done have a date.
    """
    if context.invoked_subcommand:
        refuse_options_before(context, "missions " + context.invoked_subcommand)
        return 0
    from tui.missions.loader import list_missions as load
    from tui.missions.progress import MissionProgress, read_progress

    missions, faults = load(_folder(from_folder))
    done, problem = read_progress()
    for each in filter(None, (*faults, problem)):
        complain(each)
    found = [(each, done.get(each.key, MissionProgress())) for each in missions]
    if as_json:
        print_json([_row(*each) for each in found])
    elif found:
        _print(found)
    return 1 if faults else 0


def start_mission(
    number: Annotated[int, typer.Argument(metavar="N", help="number of the mission")],
    from_folder: From = None,
    slow_link: SlowLink = False,
    checkpoints: CheckpointsDir = None,
    data: DataDir = None,
) -> int:
    """Open the app at a mission. One that was left in the middle is continued."""
    from core.config import TrainConfig
    from tui.missions.loader import list_missions as load

    missions, faults = load(_folder(from_folder))
    mission = next((each for each in missions if each.number == number), None)
    if mission is None:
        for each in faults:
            complain(each)
        there = ", ".join(str(each.number) for each in missions) or "none"
        raise UsageError(f"there is no mission {number}; the missions are {there}")
    if reason := why_no_app():
        raise UserError(f"a mission needs the app, and there is none: {reason}")
    from tui.cli.start_app import run_app

    base = TrainConfig()
    base = replace(base, checkpoints=checkpoints or base.checkpoints, data=data or base.data)
    return run_app(mission.runs[0].start_config(base), slow=slow_link, mission=mission)


def _folder(given: str | None) -> Path | None:
    from core.user import expand

    if given == "":
        raise UsageError("--from must name a folder")
    return expand(given) if given else None


def _row(mission: "Mission", progress: "MissionProgress") -> dict[str, Any]:
    """Return what `missions list --json` prints of a mission. Times are unix seconds."""
    return {
        "number": mission.number,
        "title": mission.title,
        "done": progress.done is not None,
        "done_at": progress.done,
        "in_progress": progress.can_continue,
        "minutes": mission.minutes,
        "needs_mnist": mission.needs_mnist,
        "question": mission.question.text,
        "path": str(mission.path),
    }


def _print(found: list[tuple["Mission", "MissionProgress"]]) -> None:
    from tui.text.formats import format_date

    def state(progress: "MissionProgress") -> str:
        if progress.can_continue:
            return "in progress"
        return f"done {format_date(progress.done)[:10]}" if progress.done else ""

    print_table(
        ("N", "MISSION", "TIME", "STATE", "PREDICT"),
        [
            (
                f"{mission.number}",
                printable(mission.title),
                f"{mission.minutes:g} min",
                state(progress),
                printable(mission.question.text) + " (needs MNIST)" * mission.needs_mnist,
            )
            for mission, progress in found
        ],
        optional=("TIME",),
    )

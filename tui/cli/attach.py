"""`mnist-tui attach`: watch and control a run that another process trains."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, why_no_app
from tui.cli.options import AsJson, CheckpointsDir, NetworkFile, SlowLink
from tui.text.console import complain

RUN_HELP = (
    "name or folder of a run or a race; may be left out if one run is in progress, or on a terminal"
)


def attach(
    run: Annotated[str | None, typer.Argument(help=RUN_HELP, metavar="RUN")] = None,
    as_json: AsJson = False,
    slow_link: SlowLink = False,
    arch: NetworkFile = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Attach to a run or a race in progress: watch and control it.

    Opens the app on it: pause, stop, save, change the learning rate. Quitting the app does
    not stop the run. Where several runs are in progress, asks which one. Without a terminal, or
    with --json, prints the run's events from its start to its end, as `train` does.
    """
    from core.attach.client import RemoteHost
    from core.config import TrainConfig

    if run == "":
        raise UsageError("RUN must not be empty")
    if race := _find_race(run, checkpoints):
        from tui.cli.race.race import attach_race

        return attach_race(race, as_json=as_json, slow=slow_link)
    folder = _choose(run, checkpoints, as_json=as_json)
    if folder is None:
        return 0
    if not as_json and not why_no_app():
        from tui.app.records import recall
        from tui.cli.start_app import run_app

        host = RemoteHost(folder, recall)
        config = replace(TrainConfig(), checkpoints=str(host.folder.parent))
        return run_app(config, host=host, slow=slow_link)
    from tui.headless.train import print_attached

    host = RemoteHost(folder)
    if not as_json:
        complain(f"attached to {host.hello.run} in process {host.pid}; Ctrl-C detaches")
    return print_attached(host, as_json=as_json)


def _find_race(run: str | None, checkpoints: str | None) -> Path | None:
    """Return the folder of the race that is meant: by its name, or the only one in progress."""
    from core.race.record import find_race, find_race_of

    folder = checkpoints_folder(checkpoints)
    if run is not None:
        return find_race(run, folder)
    from core.attach.client import match_live

    return find_race_of(match_live(None, folder, is_given=bool(checkpoints)))


def _choose(run: str | None, checkpoints: str | None, *, as_json: bool) -> Path | None:
    """Return the folder of the run to attach to; None if a person leaves the choice.

    Raises CheckpointError and UsageError, also where it cannot ask which of several.
    """
    from core.attach.client import match_live, several_live

    folders = match_live(run, checkpoints_folder(checkpoints), is_given=bool(checkpoints))
    if len(folders) == 1:
        return folders[0]
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise several_live(run, folders)
    from tui.cli.output.choose_run import choose_run

    return choose_run(folders)

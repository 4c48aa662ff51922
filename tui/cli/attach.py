"""`mnist-tui attach`: a run that goes on in another process, followed and told what to do."""

from dataclasses import replace
from typing import Annotated

import typer

from core.errors import UsageError
from tui.cli.console import AsJson, CheckpointsDir, folder_of, has_terminal
from tui.cli.options import environment_variable
from tui.text.console import complain

RunGoingOn = Annotated[
    str | None,
    typer.Argument(
        help="a run's name, or its folder; without one the only run that goes on", metavar="[RUN]"
    ),
]


SlowLink = Annotated[
    bool,
    typer.Option(
        "--slow-link",
        envvar=environment_variable("slow_link"),
        show_envvar=False,
        help="write at most 1 KB a second, figures before charts",
    ),
]


def attach(
    run: RunGoingOn = None,
    as_json: AsJson = False,
    slow_link: SlowLink = False,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Follow a run that goes on, whoever started it, and be in control of it.

    Opens the app on it: pause, stop, save, change the learning rate; leaving the app leaves the
    run. Without a terminal, or with --json, it prints what the run tells, from its start to its
    end, as `train` does.
    """
    from core.attach.client import RemoteHost, find_live
    from core.config import TrainConfig

    if run == "":
        raise UsageError("RUN must not be empty")
    folder = find_live(run, folder_of(checkpoints))
    if not as_json and has_terminal():
        from tui.app.attaching import recall
        from tui.cli.launch_app import run_app

        host = RemoteHost(folder, recall)
        config = replace(TrainConfig(), checkpoints=str(host.folder.parent))
        return run_app(config, host=host, slow=slow_link)
    from tui.headless.train import print_attached

    host = RemoteHost(folder)
    if not as_json:
        complain(f"attached to {host.hello.run} in process {host.pid}; Ctrl-C detaches")
    return print_attached(host, as_json=as_json)

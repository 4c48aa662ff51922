"""`mnist-tui` without a command: the app, or training with plain output without a terminal."""

import gc
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from core.compute.import_guard import report_crashes
from core.config import TrainConfig
from core.errors import UsageError
from core.models.network_file.named import is_file_spec
from core.training.ranks import launched
from core.user import cache_folder
from tui.cli.console import refuse_options_before, why_no_app
from tui.cli.options import OnHangup, SlowLink, with_config
from tui.signals import CONTINUE
from tui.terminal.reset import remember_terminal
from tui.text.console import complain
from tui.text.formats import plural

if TYPE_CHECKING:
    from core.attach.client import RemoteHost
    from core.attach.race import RaceViewer
    from core.commands import StartRace
    from tui.missions.mission import Mission


def _print_version(is_given: bool) -> None:
    if is_given:
        from importlib.metadata import version

        print(f"mnist-tui {version('mnist-tui')}")
        raise typer.Exit


@with_config
def start_app(
    context: typer.Context,
    config: TrainConfig,
    start: Annotated[bool, typer.Option("--start", help="start training at once")] = False,
    slow_link: SlowLink = False,
    on_hangup: OnHangup = CONTINUE,
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", is_eager=True, callback=_print_version),
    ] = False,
) -> int:
    """Train a neural network on handwritten digits, and watch it learn.

    Without a command, mnist-tui opens the app. Where there is no terminal, as in `mnist-tui | cat`,
    it trains at once and prints lines instead. Each option can also be set by an environment
    variable, such as MNIST_TUI_DATA for --data.
    """
    if context.invoked_subcommand:
        refuse_options_before(context, context.invoked_subcommand)
        return 0
    if reason := why_no_app():
        complain(_plain_training(reason, config))
        from tui.headless.train import train_headless

        return train_headless(config, on_hangup=on_hangup)
    if launched():
        raise UsageError("the app does not run under torchrun: use `torchrun … train`")
    return run_app(config, start=start, on_hangup=on_hangup, slow=slow_link)


def _plain_training(reason: str, config: TrainConfig) -> str:
    """Describe what happens in place of the app, and how to stop it."""
    from tui.text.settings import network_name

    epochs = plural(config.epochs, "epoch")
    name = network_name(config.arch)
    stop = "Ctrl-C" + f" or `kill {os.getpid()}`" * (os.name == "posix")
    return (
        f"no app, since {reason}: training {name} for {epochs} with plain output, "
        f"as `mnist-tui train` does; {stop} stops and saves the run"
    )


def run_app(
    config: TrainConfig,
    *,
    start: bool = False,
    on_hangup: str = CONTINUE,
    slow: bool = False,
    host: "RemoteHost | RaceViewer | None" = None,
    race: "StartRace | None" = None,
    mission: "Mission | None" = None,
) -> int:
    """Run the app, and return its exit status.

    `start` starts training at once, and `race` a race; `slow` limits what is sent to the terminal,
    and `host` is that of a run or a race to attach to, which the app shows from its first frame.
    `mission` is one to start with. Raises UsageError where the network's file is wrong.
    """
    report_crashes(remember_terminal())
    if is_file_spec(config.arch) and (file := config.network.file):
        from core.models.network_file.checks import check_in_thread

        check_in_thread(file, config.network.classes)
    gc.disable()  # until the first frame: imports make no garbage, and collecting takes time
    from tui.app.app import MnistApp
    from tui.preferences import load_preferences

    cache_folder()  # what it reports about the user's folders is printed before the first frame
    preferences, problem = load_preferences()
    if problem:
        complain(problem)
    preferences = replace(preferences, slow=slow or preferences.slow_link)
    app = MnistApp(
        config,
        start=start,
        preferences=preferences,
        on_hangup=on_hangup,
        host=host,
        race=race,
        mission=mission,
    )
    app.run()
    if farewell := app.runs.farewell:
        print(farewell)
    return app.return_code or 0

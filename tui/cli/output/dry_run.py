"""`--dry-run`: what would be done, as a file of settings that does just that, or as JSON."""

import io
import sys
from dataclasses import asdict

from core.commands import ResumePoint
from core.config import TrainConfig
from core.config_file import as_toml
from core.data.datasets import mnist_folder
from core.training.plan import Plan, plan
from tui.cli.console import print_json
from tui.headless.tensorboard import check_tensorboard
from tui.state.summaries import trained_on
from tui.text.console import complain
from tui.text.formats import printable


def tell_plan(
    config: TrainConfig,
    resume_point: ResumePoint | None = None,
    *,
    as_json: bool,
    quiet: bool,
    tensorboard: bool,
) -> int:
    """Prints it, and gives 0. Raises UserError for what would keep the run from beginning."""
    if tensorboard:
        check_tensorboard()
    planned = plan(config, resume_point)
    for each in planned.notes:
        complain(each)
    if as_json:
        print_json(_row(planned))
    elif not quiet:
        text = "".join(f"# {printable(line)}\n" for line in _lines(planned))
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # as TOML is, whatever the locale
        print(text + as_toml(config), end="")
    return 0


def _row(planned: Plan) -> dict[str, object]:
    paths = {name: getattr(planned, name) for name in ("run", "checkpoint")}
    return asdict(planned) | {name: path and str(path) for name, path in paths.items()}


def _lines(planned: Plan) -> list[str]:
    config = planned.config
    devices = trained_on(planned.device, planned.threads, planned.ranks)
    where = ""
    if planned.dataset == "mnist":
        how = ", to be downloaded to" if planned.downloaded else " in"
        where = f"{how} {mnist_folder(config.data)}"
    if planned.run is None:
        run = f"a folder of its own in {config.folder}, such as {config.arch}-20260131-120000"
    else:
        run = f"{planned.run}, from step {planned.step:,} on"
    what = "what would be done; as a file it is for --config"
    if planned.run:
        what = "how the run would go on; as a file for --config it would begin a new one"
    return [
        f"Nothing has been started. This is {what}.",
        f"network: {config.arch}, {planned.parameters:,} parameters",
        f"device: {devices}, in {planned.precision}",
        f"digits: {planned.train_samples:,} of {planned.dataset}{where}",
        f"steps: {planned.steps_per_epoch:,} an epoch, {planned.total_steps:,} in all",
        f"run: {run}",
    ]

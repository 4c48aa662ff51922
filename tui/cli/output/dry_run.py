"""What `--dry-run` prints: the settings as a file for --config, or the whole plan as JSON."""

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


def print_plan(
    config: TrainConfig,
    resume_point: ResumePoint | None = None,
    *,
    as_json: bool,
    quiet: bool,
    tensorboard: bool,
) -> int:
    """Print what a run would be, and return 0. Raises UserError where it could not start."""
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
        how = ", to be downloaded to" if planned.downloaded else ", in"
        where = f"{how} {mnist_folder(config.data)}"
    run = f"a new folder in {config.folder}, such as {config.arch}-20260131-120000"
    note = "These settings can be saved as a file for --config."
    if planned.run:
        run = f"{planned.run}, from step {planned.step:,}"
        note = "Saved as a file for --config, these settings would start a new run."
    return [
        f"Dry run: nothing was trained. {note}",
        f"network: {config.arch}, {planned.parameters:,} parameters",
        f"device: {devices}, {planned.precision}",
        f"dataset: {planned.dataset}, {planned.train_samples:,} training images{where}",
        f"steps: {planned.steps_per_epoch:,} per epoch, {planned.total_steps:,} in total",
        f"run: {run}",
    ]

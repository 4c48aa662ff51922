"""What `--dry-run` prints: the settings as a file for --config, or the whole plan as JSON."""

import io
import sys
from dataclasses import asdict

from core.commands import ResumePoint
from core.config import TrainConfig
from core.config_file import as_toml
from core.data.datasets import find_dataset
from core.training.ranks import launched
from core.training.setup import Setup, resolve_setup
from tui.cli.console import print_json
from tui.cli.train import TrainOptions
from tui.headless.tensorboard import check_tensorboard
from tui.state.summaries import describe_devices
from tui.text.console import complain
from tui.text.formats import printable


def print_plan(config: TrainConfig, resume_point: ResumePoint | None, options: TrainOptions) -> int:
    """Print what a run would be, and return 0. Raises UserError where it could not start."""
    if options.tensorboard:
        check_tensorboard()
    setup = resolve_setup(config, resume_point, launched())
    for each in setup.notes:
        complain(each)
    if options.as_json:
        print_json(_row(setup))
    elif not options.quiet:
        text = "".join(f"# {printable(line)}\n" for line in _lines(setup))
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # as TOML is, whatever the locale
        print(text + as_toml(config), end="")
    return 0


def _row(setup: Setup) -> dict[str, object]:
    point = setup.resume_point
    return {
        "config": asdict(setup.config),
        "parameters": setup.network.parameters,
        "device": str(setup.device),
        "threads": setup.cpu_threads,
        "precision": setup.precision,
        "routes": str(setup.route),
        "routes_from": setup.chosen.origin,
        "dataset": setup.dataset,
        "train_samples": setup.train_samples,
        "downloaded": setup.needs_download,
        "steps_per_epoch": setup.steps_per_epoch,
        "total_steps": setup.total_steps,
        "step": setup.first_step,
        "run": str(point.folder) if point else None,
        "checkpoint": str(point.checkpoint) if point and point.checkpoint else None,
        "notes": setup.notes,
        "ranks": setup.ranks,
    }


def _route_origin(setup: Setup) -> str:
    """Return where the routes come from, and whether a run would look for faster ones."""
    measures = "; measured when training starts, unless it is too short"
    return setup.chosen.origin + (measures if setup.chosen.may_measure else "")


def _network(setup: Setup) -> str:
    """Return the name of the network, and its text where the program has no name for it."""
    network = setup.network
    return setup.arch if network.architecture else f"{setup.arch} ({network.text})"


def _lines(setup: Setup) -> list[str]:
    config = setup.config
    devices = describe_devices(str(setup.device), setup.cpu_threads, setup.ranks)
    where = ""
    if folder := find_dataset(setup.dataset).find_folder(config.data):
        how = ", to be downloaded to" if setup.needs_download else ", in"
        where = f"{how} {folder}"
    run = f"a new folder in {config.folder}, such as {setup.arch}-20260131-120000"
    note = "These settings can be saved as a file for --config."
    if setup.resume_point:
        run = f"{setup.resume_point.folder}, from step {setup.first_step:,}"
        note = "Saved as a file for --config, these settings would start a new run."
    return [
        f"Dry run: nothing was trained. {note}",
        f"network: {_network(setup)}, {setup.network.parameters:,} parameters",
        f"device: {devices}, {setup.precision}",
        f"routes: {setup.route}, {_route_origin(setup)}",
        f"dataset: {setup.dataset}, {setup.train_samples:,} training images{where}",
        f"steps: {setup.steps_per_epoch:,} per epoch, {setup.total_steps:,} in total",
        f"run: {run}",
    ]

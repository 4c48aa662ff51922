"""What commands need of stdin, stdout and stderr, and helpers that several of them share."""

import codecs
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import typer

from core.config import TrainConfig
from core.errors import UsageError
from core.event_json import finite
from tui.text.console import is_dumb


def accept_any_text() -> None:
    """Print characters that stdout's or stderr's encoding lacks in ASCII, where Python would
    raise UnicodeEncodeError; and open the standard streams that are closed on /dev/null."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Opening takes the lowest free file number: a run's file must not become stdout.
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    codecs.register_error("to_ascii", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="to_ascii")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    from tui.text.ascii import to_ascii

    assert isinstance(error, UnicodeEncodeError)
    return to_ascii(error.object[error.start : error.end]), error.end


def print_json(value: Any) -> None:
    print(json.dumps(finite(value), indent=2))


def is_typed(context: typer.Context, name: str) -> bool:
    """Return whether an option stands on the command line, not only in the environment."""
    return str(context.get_parameter_source(name)).endswith("COMMANDLINE")


def refuse_options_before(context: typer.Context, command: str) -> None:
    """Raise UsageError where an option stands before the subcommand, which would ignore it."""
    for name in context.params:
        if is_typed(context, name):
            option = {"as_json": "json", "from_folder": "from"}.get(name, name.replace("_", "-"))
            raise UsageError(
                f"options go after the command, as in: mnist-tui {command} --{option} …"
            )


def checkpoints_folder(given: str | None) -> Path:
    """Return the folder of runs: --checkpoints, or its default."""
    return TrainConfig(checkpoints=given).folder if given else TrainConfig().folder


def find_run(name: str, checkpoints: str | None) -> Path:
    """Return the folder of a run. Raises CheckpointError and UsageError, also for a race."""
    from core.race.record import find_race, read_race
    from core.runs.resolve import resolve_run

    folder = checkpoints_folder(checkpoints)
    if race := find_race(name, folder):
        runs = ", ".join(each for lane in read_race(race).runs for each in lane if each)
        raise UsageError(f"{race.name} is a race; name one of its runs: {runs or 'none yet'}")
    return resolve_run(name, folder)


def why_no_app() -> str:
    """Return why the app cannot be shown here; empty if it can."""
    for name in ("stdin", "stdout"):
        if not getattr(sys, name).isatty():
            return f"{name} is not a terminal"
    return f"TERM is {os.environ['TERM']}" if is_dumb() else ""

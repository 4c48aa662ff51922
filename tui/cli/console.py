"""What the commands have in common: their options, how they print and how they complain."""

import codecs
import io
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.config import TrainConfig
from core.errors import UsageError
from core.event_json import finite
from tui.cli.options import config_option

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
CheckpointsDir = Annotated[str | None, config_option("checkpoints")]
DataDir = Annotated[str | None, config_option("data")]
Checkpoint = Annotated[
    str,
    typer.Argument(help="a checkpoint file, a run's folder, or a run's name", metavar="CHECKPOINT"),
]


def write_any_text() -> None:
    """From now on what the encoding of stdout or stderr has no character for is written in ASCII,
    where Python would raise; and of those that are closed nothing is seen."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free is its own: no file of a run's must get that one.
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    codecs.register_error("in_ascii", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="in_ascii")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    from tui.text.ascii import to_ascii

    assert isinstance(error, UnicodeEncodeError)
    return to_ascii(error.object[error.start : error.end]), error.end


def print_json(value: Any) -> None:
    print(json.dumps(finite(value), indent=2))


def refuse_options_before(context: typer.Context, command: str) -> None:
    for name in context.params:
        if str(context.get_parameter_source(name)).endswith("COMMANDLINE"):
            option = "json" if name == "as_json" else name.replace("_", "-")
            raise UsageError(f"options go after the command: mnist-tui {command} --{option} …")


def folder_of(given: str | None) -> Path:
    return TrainConfig(checkpoints=given).folder if given else TrainConfig().folder


def find_checkpoint(name: str, folder: str | None) -> Path:
    from core.runs.resolve import resolve_checkpoint

    return resolve_checkpoint(name, folder_of(folder))


def has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

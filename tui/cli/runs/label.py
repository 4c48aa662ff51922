"""`mnist-tui runs rename`, `note` and `star`."""

from pathlib import Path
from typing import Annotated

import typer

from tui.cli.console import checkpoints_folder
from tui.cli.options import CheckpointsDir, RunName
from tui.text.console import complain


def rename(
    run: RunName,
    name: Annotated[str, typer.Argument(help="new name", metavar="NAME")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Rename a run."""
    from core.runs import manage

    folder = _resolve(run, checkpoints)
    complain(f"renamed {folder.name} to {manage.rename(folder, name).name}")


def note(
    run: RunName,
    text: Annotated[str, typer.Argument(help='one line; "" removes the note', metavar="TEXT")],
    checkpoints: CheckpointsDir = None,
) -> None:
    """Add a note to a run, also while it is in progress."""
    from core.runs import manage

    folder = _resolve(run, checkpoints)
    line = manage.set_note(folder, text)
    complain(f"note of {folder.name}: {line}" if line else f"removed the note of {folder.name}")


def star(
    run: RunName,
    off: Annotated[bool, typer.Option("--off", help="remove the star")] = False,
    checkpoints: CheckpointsDir = None,
) -> None:
    """Mark a run with a star, also while it is in progress."""
    from core.runs import manage

    folder = _resolve(run, checkpoints)
    manage.set_star(folder, not off)
    complain(f"{'removed the star of' if off else 'starred'} {folder.name}")


def _resolve(run: str, checkpoints: str | None) -> Path:
    from core.runs.resolve import resolve_run

    return resolve_run(run, checkpoints_folder(checkpoints))

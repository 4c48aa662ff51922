"""`mnist-tui checkpoints verify`: compare files with digests, or training with its record."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import UsageError
from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir, DataDir, NetworkFile
from tui.text.console import complain
from tui.text.formats import plural, printable


def verify_checkpoints(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="checkpoint files or runs  [default: all checkpoints]",
            metavar="RUN_OR_CHECKPOINT",
            show_default=False,
        ),
    ] = None,
    replay: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="also train N steps again from the checkpoint, and compare"
        ),
    ] = None,
    as_json: AsJson = False,
    arch: NetworkFile = None,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Verify that checkpoints are intact, bit for bit.

    Reads each file and compares it with the digests in its header.

    With --replay N, trains N steps again from a checkpoint and compares losses and weights with
    what its run recorded and saved. Where the run ended earlier, the steps are trained twice and
    compared with one another. The run's folder is not changed.
    """
    folder = checkpoints_folder(checkpoints)
    if replay is not None:
        if not names or len(names) != 1:
            raise UsageError("--replay needs exactly one checkpoint")
        return _replay(names[0], folder, replay, data, as_json)
    from core.checkpoints.verify import verify_files

    rows: list[dict[str, Any]] = []
    for found in verify_files(_paths(names, folder)):
        path, fault, note = found.path, found.fault, found.note
        row = {"path": str(path), "ok": fault is None, "fault": fault, "note": note}
        rows.append(row | {"bytes": found.bytes})
        if not as_json:
            result = f"✗ {_name(path)} {fault}" if fault else f"✓ {_name(path)}"
            print(printable(f"{result} ({note})" if note and not fault else result))
    if as_json:
        print_json(rows)
    broken = sum(not row["ok"] for row in rows)
    if not rows:
        complain(f"no checkpoints in {folder}; `mnist-tui train` saves some")
    elif broken:
        complain(f"{broken} of {len(rows)} checkpoints failed verification")
    elif not as_json:
        print(f"{plural(len(rows), 'checkpoint')} verified")
    return 1 if broken else 0


def _paths(names: list[str] | None, folder: Path) -> Iterator[Path]:
    from core.runs.catalog import list_checkpoints
    from core.runs.resolve import resolve_all

    if not names:
        yield from (each.path for each in list_checkpoints(folder))
    for name in names or ():
        yield from resolve_all(name, folder)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _replay(name: str, folder: Path, steps: int, data: str | None, as_json: bool) -> int:
    from core.events import Notice, Preparing
    from core.replay.replay import ReplayResult, replay
    from core.runs.resolve import resolve_checkpoint

    path = resolve_checkpoint(name, folder)
    with _showing_progress() as show:
        for event in replay(path, steps, data):
            if isinstance(event, Preparing):
                show(event.message, event.done, event.total)
            elif isinstance(event, Notice):
                complain(event.message)
    assert isinstance(event, ReplayResult)
    if as_json:
        print_json(asdict(event) | {"path": str(path), "identical": event.identical})
    else:
        sign = "✓" if event.identical else "✗"
        print(f"{sign} {printable(f'{_name(path)}: {event.text}')}")
    return 0 if event.identical else 1


@contextmanager
def _showing_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that shows what is done, how much of it, and of how much, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, expand=True, transient=True) as bars:
        bar = bars.add_task("", total=None)
        yield lambda what, done, total: bars.update(
            bar, description=what, completed=done, total=total or None
        )

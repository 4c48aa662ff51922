"""`mnist-tui checkpoints verify`: whether what was saved is still what is there."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import UsageError
from tui.cli.checkpoints import checkpoints_app
from tui.cli.console import AsJson, CheckpointsDir, DataDir, folder_of, print_json
from tui.text.console import complain


@checkpoints_app.command(name="verify")
def verify_checkpoints(
    checkpoints_or_runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="checkpoint files or runs; all there are, without one",
            metavar="CHECKPOINT_OR_RUN",
        ),
    ] = None,
    replay: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="also train N steps again from that checkpoint, and compare"
        ),
    ] = None,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Check files to the last bit.

    They are read through and held against the digests in their headers.

    With --replay N, N steps are trained again from a checkpoint, and held against what its run has
    told and saved; where that ends before, they are trained twice. Nothing in the run's folder is
    changed.
    """
    names, folder = checkpoints_or_runs or [], folder_of(checkpoints)
    if replay is not None:
        if len(names) != 1:
            raise UsageError("--replay needs exactly one checkpoint")
        return _replay(names[0], folder, replay, data, as_json)
    from core.checkpoints.verify import verify_all

    rows: list[dict[str, Any]] = []
    for found in verify_all(_paths(names, folder)):
        ok = found.fault is None
        row = {"path": str(found.path), "ok": ok, "fault": found.fault, "note": found.note}
        rows.append(row | {"bytes": found.bytes})
        if not as_json:
            print(_line(found.path, found.fault, found.note))
    if as_json:
        print_json(rows)
    broken = sum(not row["ok"] for row in rows)
    if not rows:
        complain(f"there are no checkpoints in {folder}; `mnist-tui train` makes some")
    elif broken:
        are = "is" if broken == 1 else "are"
        complain(f"{broken} of {len(rows)} checkpoints {are} not what was saved")
    elif not as_json:
        print(f"{len(rows)} verified, to the bit" if len(rows) != 1 else "verified, to the bit")
    return 1 if broken else 0


def _paths(names: list[str], folder: Path) -> Iterator[Path]:
    """Yield the checkpoints that the names mean, or all of a folder of runs."""
    from core.runs.catalog import list_checkpoints
    from core.runs.resolve import resolve_all

    if not names:
        yield from (each.path for each in list_checkpoints(folder))
    for name in names:
        yield from resolve_all(name, folder)


def _line(path: Path, fault: str | None, note: str | None) -> str:
    from tui.text.formats import printable

    name = printable(f"{path.parent.name}/{path.name}")
    if fault:
        return f"✗ {name} {printable(fault)}"
    return f"✓ {name}" + (f" ({note})" if note else "")


def _replay(name: str, folder: Path, steps: int, data: str | None, as_json: bool) -> int:
    from dataclasses import asdict

    from core.events import Notice, Preparing
    from core.replay.replay import Replayed, replay
    from core.runs.resolve import resolve_checkpoint
    from tui.text.formats import printable

    path = resolve_checkpoint(name, folder)
    with _telling() as tell:
        for said in replay(path, steps, data):
            if isinstance(said, Preparing):
                tell(said.message, said.done, said.total)
            elif isinstance(said, Notice):
                complain(printable(said.message))
    assert isinstance(said, Replayed)
    if as_json:
        print_json(asdict(said) | {"path": str(path), "identical": said.identical})
    else:
        sign = "✓" if said.identical else "✗"
        print(f"{sign} {printable(f'{path.parent.name}/{path.name}: {said.in_words}')}")
    return 0 if said.identical else 1


@contextmanager
def _telling() -> Iterator[Callable[[str, int, int], None]]:
    """Shows on a terminal how far it is."""
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

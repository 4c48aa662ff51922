"""What `train --find-lr` computes and prints."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING, Any

from core.config import TrainConfig, flag
from core.responses.rates import RatesTried
from tui.analysis.found_rate import describe_found, describe_search
from tui.cli.console import print_json
from tui.cli.output.charts import print_rates
from tui.cli.output.tables import encodable
from tui.text.console import complain, is_dumb
from tui.text.formats import format_rate, printable
from tui.text.settings import network_name

if TYPE_CHECKING:
    from core.training.rate_finder import RateSearch

# Options that are not those of the run to come; the rate has a value.
DROPPED, DROPPED_WITH_VALUE = ("--find-lr", "--json"), flag("learning_rate")
PROGRESS_SECONDS = 0.1


def print_found_rate(config: TrainConfig, *, as_json: bool) -> int:
    """Search for a learning rate, print what was found, and return the exit status. Raises
    UserError."""
    from core.training.rate_finder import RateSearch

    search = RateSearch(config)
    _run(search)
    found = search.report()
    for note in found.notes:
        complain(note)
    if as_json:
        print_json(_table(config, found))
        return 0
    if found.points:
        network = encodable(network_name(config.arch))
        print(f"{network}, {config.optimizer}, batch size {config.batch_size}")
        print_rates(found.points, found.suggestion)
    for line in describe_found(found):
        print(line)
    if found.suggestion is not None:
        print(f"Train with it: {next_command(sys.argv[1:], found.suggestion)}")
    return 0


def next_command(arguments: Sequence[str], rate: float) -> str:
    """Return the command that trains with a rate: this one without the search."""
    kept, skips = [], False
    for each in arguments:
        if skips or each in DROPPED or each.startswith(f"{DROPPED_WITH_VALUE}="):
            skips = False
        elif each == DROPPED_WITH_VALUE:
            skips = True
        else:
            kept.append(each)
    return printable(shlex.join(["mnist-tui", *kept, DROPPED_WITH_VALUE, format_rate(rate)]))


def _run(search: RateSearch) -> None:
    """Do the search; on a terminal, show how far it is."""
    shows_progress = sys.stderr.isatty() and not is_dumb()
    shown_at = 0.0
    try:
        for _ in search.parts():
            if shows_progress and monotonic() - shown_at >= PROGRESS_SECONDS:
                shown_at = monotonic()
                text = encodable(printable(describe_search(search.report())))
                print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    finally:
        if shows_progress:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _table(config: TrainConfig, found: RatesTried) -> dict[str, Any]:
    """Return what --json prints."""
    return {
        "arch": config.arch,
        "optimizer": config.optimizer,
        "batch_size": config.batch_size,
        "suggestion": found.suggestion,
        "rule": found.rule,
        "stopped": found.stopped or None,
        "notes": list(found.notes),
        "steps": found.steps,
        "points": [asdict(each) for each in found.points],
    }

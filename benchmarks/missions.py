"""Run each mission to success and to failure, on several seeds, without the app.

Success trains the runs as the mission asks. Failure leaves the open settings as they are at the
start (of a mission without any, it trains one epoch more): the watcher must not accept these runs,
and the checks must not pass on them either where there are open settings. For each check it prints
its values over the seeds, the least distance to its limit, and the values of the failure. Exit
status 1 where a mission does not end as it should.

    python benchmarks/missions.py [--seeds N] [--first SEED] [--threads N] [--data DIR]
        [--from DIR] [--record DIR] [NUMBER ...]

`--from` measures the missions in a folder. `--record` writes the events of the first seed, thinned
to one progress event an epoch, for tests/tui/missions.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from core.config import TrainConfig
from core.event_json import as_json
from core.events import Evaluated, Event, Progress, RunFinished, RunStarted
from core.training.trainer import train
from tui.missions.loader import list_missions
from tui.missions.mission import Check, Mission
from tui.missions.watcher import check_value, watch
from tui.state.fold import fold
from tui.state.run_state import RunState

RECORDED = (RunStarted, Progress, Evaluated, RunFinished)


@dataclass(frozen=True)
class Trained:
    """A run that was trained, its events and how long all of it took."""

    config: TrainConfig
    state: RunState
    events: tuple[Event, ...]
    seconds: float


def train_run(config: TrainConfig) -> Trained:
    state, events, since = RunState(), [], time.perf_counter()
    with TemporaryDirectory() as folder:
        for event in train(replace(config, checkpoints=folder, keep=0), SimpleQueue()):
            state = fold(state, event)
            events.append(event)
    return Trained(config, state, tuple(events), time.perf_counter() - since)


def solve(mission: Mission, base: TrainConfig) -> list[Trained]:
    return [train_run(run.solved_config(base)) for run in mission.runs]


def fail(mission: Mission, base: TrainConfig, solved: list[Trained]) -> list[Trained]:
    """Train with the open settings as they are at the start. A run that was trained with the same
    settings is not trained again."""
    runs = []
    for run in mission.runs:
        config = run.start_config(base)
        if not any(each.open for each in mission.runs):
            config = replace(config, epochs=config.epochs + 1)
        known = next((each for each in solved if each.config == config), None)
        runs.append(known or train_run(config))
    return runs


def values_of(mission: Mission, runs: list[Trained]) -> list[float | None]:
    """Return the values of the checks, whether or not the runs have the mission's settings."""
    states = {run.name: each.state for run, each in zip(mission.runs, runs, strict=True)}
    return [check_value(check, states) for check in mission.checks]


def margin(check: Check, value: float | None) -> float:
    """Return how far a value is within the check's limits; below 0 where it does not pass."""
    if value is None:
        return -math.inf
    if check.equals is not None:
        return 0.0 if value == check.equals else -math.inf
    over = math.inf if check.above is None else value - check.above
    under = math.inf if check.below is None else check.below - value
    return min(over, under)


def limits(check: Check) -> str:
    if check.equals is not None:
        return f"= {check.equals:g}"
    if check.above is not None and check.below is not None:
        return f"{check.above:g} to {check.below:g}"
    return f"> {check.above:g}" if check.below is None else f"< {check.below:g}"


def span(values: Iterable[float | None]) -> str:
    known = [each for each in values if each is not None]
    if len(known) == 0:
        return "–"
    low, high = f"{min(known):.3g}", f"{max(known):.3g}"
    return low if low == high else f"{low} to {high}"


def measure(mission: Mission, seeds: range, base: TrainConfig, record: Path | None) -> bool:
    """Print a mission's lines of the table; return whether it ended as it should on each seed."""
    right, wrong, seconds, problems = [], [], [], []
    for seed in seeds:
        config = replace(base, seed=seed)
        solved = solve(mission, config)
        failed = fail(mission, config, solved)
        seconds.append(sum(each.seconds for each in solved))
        right.append(values_of(mission, solved))
        wrong.append(values_of(mission, failed))
        if (status := watch(mission, [each.state for each in solved])).phase != "done":
            problems.append(f"seed {seed}: {status.phase}, {status.message}")
        if (status := watch(mission, [each.state for each in failed])).phase == "done":
            problems.append(f"seed {seed}: the wrong settings are accepted")
        passed = [margin(*pair) >= 0 for pair in zip(mission.checks, wrong[-1], strict=True)]
        if all(passed) and any(run.open for run in mission.runs):
            problems.append(f"seed {seed}: all checks pass with the wrong settings")
        if record and seed == seeds[0]:
            write_record(record / f"{mission.path.stem}.success.jsonl", solved)
            write_record(record / f"{mission.path.stem}.failure.jsonl", failed)
    for place, check in enumerate(mission.checks):
        of_right = [each[place] for each in right]
        title = f"{mission.number} {mission.title}" if place == 0 else ""
        took = f"{min(seconds):.1f} to {max(seconds):.1f}" if place == 0 else ""
        least = min(margin(check, each) for each in of_right)
        cells = (title, check.text, span(of_right), limits(check), f"{least:.3g}")
        print("|", " | ".join((*cells, span(each[place] for each in wrong), took)), "|", flush=True)
    for each in problems:
        print(f"{mission.title}: {each}", file=sys.stderr, flush=True)
    return not problems


def write_record(path: Path, runs: list[Trained]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{compact(event)}\n" for run in runs for event in thinned(run)))


def compact(event: Event) -> str:
    """Return the event as JSON, without fields that have their default."""
    defaults = {each.name: each.default for each in fields(event)}
    values = json.loads(as_json(event))
    kept = {key: value for key, value in values.items() if value != as_list(defaults.get(key, "-"))}
    return json.dumps(kept | {"time": values["time"]}, separators=(",", ":"))


def as_list(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def thinned(run: Trained) -> Iterator[Event]:
    """Yield the events that the checks need: one progress event an epoch, its loss the mean of the
    epoch's steps, beside that of the first step; confusion counts of the last evaluation alone."""
    events = [each for each in run.events if isinstance(each, RECORDED)]
    last = [each for each in events if isinstance(each, Evaluated)][-1]
    total, steps, before = 0.0, 0, 0
    for event in events:
        if isinstance(event, Progress) and event.step > 1:
            total, steps = total + event.loss * (event.step - before), steps + event.step - before
            before, newest = event.step, event
            continue
        if isinstance(event, Progress):
            before = event.step
        if isinstance(event, Evaluated):
            mean = total / steps if steps else 0.0
            if steps:
                yield replace(newest, loss=mean, losses=(mean,))
            total, steps = 0.0, 0
            event = event if event is last else replace(event, confusion=())
        if isinstance(event, RunStarted):
            path = Path("checkpoints", event.run)
            event = replace(event, folder=str(path), config=event.config | {"checkpoints": "."})
        if isinstance(event, RunFinished):
            event = replace(event, checkpoint=None)
        yield event


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("numbers", nargs="*", type=int, metavar="NUMBER")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--threads", default="auto")
    options.add_argument("--data", default=os.environ.get("MNIST_TUI_DATA"))
    options.add_argument("--record", type=Path)
    options.add_argument("--from", dest="folder", type=Path)
    given = options.parse_args()
    missions, faults = list_missions(given.folder)
    for fault in faults:
        print(fault, file=sys.stderr)
    threads = int(given.threads) if given.threads != "auto" else "auto"
    base = TrainConfig(device="cpu", data=given.data or None, threads=threads)
    seeds = range(given.first, given.first + given.seeds)
    chosen = [each for each in missions if not given.numbers or each.number in given.numbers]
    print("| mission | passes when | measured | limit | least margin | not changed | seconds |")
    print("|---|---|---|---|---|---|---|")
    is_right = [measure(each, seeds, base, given.record) for each in chosen]
    return 0 if all(is_right) and not faults else 1


if __name__ == "__main__":
    sys.exit(main())

"""Measure everything that needs a GPU, within a time limit, on a machine with nothing but torch.

Runs the GPU tests, compares CUDA graphs with single steps for every network at batches of 32 to
4,096, trains the presets beside the record recipe (`record.py`), and runs `mnist-tui doctor`. Each
part runs in processes of its own with a share of the time; gpu.json and gpu.md are written after
each result, so that an error, a crash or a driver that hangs loses nothing else.

    python benchmarks/gpu.py [--minutes M] [--data DIR] [--out DIR] [--rehearse]

Without MNIST the sample is used, and without that drawn digits, for times alone. Nothing is
downloaded. Without a GPU it says so and exits with status 0; 1 where a part failed.
"""

import argparse
import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gpu_process import GRACE_SECONDS, ROOT, NotFinished, PartFailed, PartSkipped, child_lines
from gpu_session import Row, Session
from gpu_table import describe_training

from core.config import PRESETS
from core.data.datasets import find_dataset

LEAST_SECONDS = 8.0  # no part starts with less: importing torch and CUDA take that
SEEDS = 3  # of speedrun and the record recipe, which take a moment
PARTS_FILE = Path(__file__).with_name("gpu_parts.py")
# What `mnist-tui train` and `doctor` import, beside torch.
COMMAND_NEEDS = ("typer", "rich", "psutil", "numpy", "safetensors")
TEST_NEEDS = ("pytest", "psutil", "numpy")
# What is kept of a training's events.
KEPT = ("routes", "route_seconds", "epoch", "epochs", "test_accuracy", "train_seconds")
TEST_LINE = re.compile(r"^(tests/\S+::.+?) (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)\b")


@dataclass(frozen=True)
class Part:
    """`share` of the time that is left when the part starts; `run` raises where it fails."""

    name: str
    share: float
    run: Callable[[Session, float], None]


def run_part(session: Session, name: str, seconds: float, **job: Any) -> Iterator[Row]:
    """Yield the rows of a part of gpu_parts.py. Raises PartFailed."""
    job |= {"rehearse": session.options.rehearse, "seconds": seconds - GRACE_SECONDS}
    job |= session.results.get("data", {})
    command = [sys.executable, str(PARTS_FILE), name, json.dumps(job)]
    for line in child_lines(command, seconds):
        with suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict):
                yield row


def machine(session: Session, seconds: float) -> None:
    found = session.results.setdefault("machine", {})
    for row in run_part(session, "machine", min(seconds, 60)):
        found |= row
    session.say(f"{found.get('gpu')}, driver {found.get('driver')}, torch {found.get('torch')}")


def tests(session: Session, seconds: float) -> None:
    """Run `pytest -m gpu` on the files that have such tests."""
    if missing := find_missing(TEST_NEEDS):
        raise PartSkipped(f"{', '.join(missing)} not installed")
    found = session.results.setdefault("tests", {})
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    files = [str(each) for each in paths if "mark.gpu\n" in each.read_text(encoding="utf-8")]
    command = [sys.executable, "-m", "pytest", "-vv", "--tb=short", "--color=no", "-rfEs"]
    command += ["-p", "no:cacheprovider", "-m", "gpu", *files]
    if session.options.rehearse:
        command += ["-p", "tests.support.fake_cuda"]
    data = session.results["data"]["data"] or ""
    output = []
    try:
        for line in child_lines(command, seconds, MNIST_TUI_DATA=data):
            output.append(line.rstrip())
            if match := TEST_LINE.match(line):
                found[match[1]] = match[2].lower()
                session.say(f"tests: {match[1].rpartition('::')[2]} {match[2].lower()}")
    except PartFailed:
        session.results["test_output"] = output[-80:]
        if bad := sum(each in ("failed", "error") for each in found.values()):
            raise PartFailed(f"{bad} of {len(found)} tests") from None
        raise


def steps(session: Session, seconds: float) -> None:
    rows = session.results.setdefault("steps", [])
    for row in run_part(session, "steps", seconds):
        rows.append(row)
        session.write()
        what = f"{row['arch']} batch {row['batch']:,} {row.get('format', row['precision'])}"
        if "eager" in row:
            rate = row.get("graph", row["eager"])
            session.say(f"steps: {what}: {rate:,}/s, {row.get('ratio', '-')}× eager")
        elif row.get("failure"):
            session.say(f"steps: {what}: {row['failure']}")
    differ = "the losses with and without a graph differ"
    found = [each.get("failure") or (each.get("equal") is False and differ) for each in rows]
    if failures := [*filter(None, found)]:
        raise PartFailed(f"{len(failures)} of {len(rows)} rows, the first: {failures[0]}")


def routes(session: Session, seconds: float) -> None:
    rows = session.results.setdefault("routes", [])
    for row in run_part(session, "routes", seconds):
        rows.append(row)
        if found := row.get("samples_per_second"):
            best = max(found, key=found.__getitem__)
            what = f"{row['arch']} batch {row['batch']:,}"
            session.say(f"routes: {what}: {best} is the fastest, {found[best]:,}/s")


def queue(session: Session, seconds: float) -> None:
    session.results["queue"] = list(run_part(session, "queue", min(seconds, 40)))
    session.say("queue: measured")


def record(session: Session, seconds: float) -> None:
    rows = session.results.setdefault("record", [])
    for row in run_part(session, "record", seconds, seeds=SEEDS):
        rows.append(row)
        session.say(f"record recipe, seed {row['seed']}: {describe_training(row)}")


def preset(name: str, seeds: int) -> Callable[[Session, float], None]:
    """Return what trains a preset from one seed after the other, as many as there is time for."""

    def train(session: Session, seconds: float) -> None:
        rows = session.results.setdefault("presets", {}).setdefault(name, [])
        limit, took = time.monotonic() + seconds, 0.0
        plain = needs_plain(session) or session.results["data"]["dataset"] == "drawn"
        for seed in range(seeds):
            start = time.monotonic()
            if took * 1.2 > limit - start:
                break
            row: Row = {"seed": seed, "plain": plain, "finished": False}
            rows.append(row)
            with suppress(NotFinished):  # what it had reached by then counts
                _train_once(session, name, limit - start, row)
            took = time.monotonic() - start
            row["wall_seconds"] = round(took, 1)
            session.say(f"{name}, seed {seed}: {describe_training(row)}")
            session.write()

    return train


def _train_once(session: Session, name: str, seconds: float, row: Row) -> None:
    with tempfile.TemporaryDirectory() as folder:
        job = {"preset": name, "seed": row["seed"], "plain": row["plain"], "folder": folder}
        for event in run_part(session, "preset", seconds, **job):
            if event.get("event") == "run_failed":
                raise PartFailed(str(event.get("message")))
            if event.get("event") in ("run_started", "evaluated", "run_finished"):
                row |= {each: event[each] for each in KEPT if event.get(each) is not None}
                row["finished"] = event["event"] == "run_finished"
                row["finished"] &= not event.get("stopped", False)


def doctor(session: Session, seconds: float) -> None:
    """Run `mnist-tui doctor --json`; a machine with problems is no failure of this part."""
    plain = needs_plain(session)
    with tempfile.TemporaryDirectory() as folder:
        job = {"plain": plain, "folder": folder, "rehearse": session.options.rehearse}
        job |= session.results["data"] | {"seconds": seconds - GRACE_SECONDS}
        text = ""
        try:
            for line in child_lines(
                [sys.executable, str(PARTS_FILE), "doctor", json.dumps(job)], seconds
            ):
                text += line
        except PartFailed:
            if not text:
                raise
    report = json.loads(text)
    session.results["doctor"] = report | {"plain": plain}
    bad = [each for each in report["checks"] if each["verdict"] == "problem"]
    session.say(f"doctor: {len(bad)} problems of {len(report['checks'])} checks")


def needs_plain(session: Session) -> bool:
    """Return whether packages that the commands need are missing."""
    if missing := find_missing(COMMAND_NEEDS):
        session.results["without_command"] = missing
    return bool(missing)


def find_missing(packages: tuple[str, ...]) -> list[str]:
    # Not find_spec: with this program's own import hook it finds a package that raises.
    return [each for each in packages if PathFinder.find_spec(each) is None]


def choose_data(folder: str | None) -> Row:
    """Return the dataset and its folder: MNIST, else the sample, else drawn digits."""
    from throughput import find_mnist

    if (place := folder or find_mnist()) and find_dataset("mnist").is_complete(place):
        return {"dataset": "mnist", "data": str(Path(place).resolve())}
    return {"dataset": "drawn" if find_dataset("sample").missing(None) else "sample", "data": None}


def parts() -> list[Part]:
    """Return the parts, the most important first."""
    others = [each for each in PRESETS if each not in ("speedrun", "article")]
    return [
        Part("tests", 0.3, tests),
        Part("steps", 0.4, steps),
        Part("record", 0.15, record),
        Part("speedrun", 0.3, preset("speedrun", SEEDS)),
        Part("doctor", 0.6, doctor),
        *(
            Part(name, 1 / (len(others) - place + 1), preset(name, 1))
            for place, name in enumerate(others)
        ),
        Part("routes", 0.7, routes),
        Part("queue", 0.5, queue),
        Part("article", 1.0, preset("article", 1)),
    ]


def run(session: Session) -> None:
    """Run all parts, and write the results after each."""
    failed = session.results.setdefault("failed", {})
    left_out = session.results.setdefault("left_out", [])
    for part in parts():
        if session.left * part.share < LEAST_SECONDS + GRACE_SECONDS:
            left_out.append(part.name)
            session.say(f"{part.name}: left out, {max(0, session.left):.0f} s remain")
            continue
        try:
            part.run(session, session.left * part.share)
        except PartSkipped as error:
            session.results.setdefault("skipped", {})[part.name] = str(error)
            session.say(f"{part.name}: skipped, {error}")
        except Exception as error:  # whatever it is, the other parts' results count
            known = isinstance(error, PartFailed)
            failed[part.name] = str(error) if known else f"{type(error).__name__}: {error}"
            session.say(f"{part.name}: {failed[part.name]}")
        session.write()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=6.0, help="time limit")
    parser.add_argument("--data", help="folder that holds MNIST/raw")
    parser.add_argument("--out", default="gpu-results", help="folder for gpu.json and gpu.md")
    parser.add_argument("--rehearse", action="store_true", help="run on the CPU, CUDA replaced")
    session = Session(parser.parse_args())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the part's process too
    try:
        machine(session, session.left / 2)
    except PartFailed as error:
        print(f"PyTorch or the GPU does not respond: {error}", file=sys.stderr)
        return 1
    if not session.results["machine"].get("gpu"):
        print("no NVIDIA GPU that PyTorch can use: nothing to measure (--rehearse runs on the CPU)")
        return 0
    session.results["rehearsal"] = session.options.rehearse
    session.results["data"] = choose_data(session.options.data)
    try:
        session.write()
    except OSError as error:
        parser.error(f"{session.options.out} cannot be written ({error.strerror})")
    session.say(f"dataset: {session.results['data']['dataset']}")
    try:
        run(session)
    except KeyboardInterrupt:
        return 130
    finally:
        session.write()
    print(Path(session.options.out, "gpu.md").read_text(encoding="utf-8"))
    return 1 if session.results["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""The results of gpu.py as Markdown."""

from collections.abc import Iterator
from statistics import mean, median
from typing import Any

DATASETS = {
    "mnist": "MNIST",
    "sample": "the sample of 4,000 images, since MNIST is not on this machine",
    "drawn": "drawn digits, since MNIST is not on this machine: accuracies mean nothing",
}


def describe(results: dict[str, Any]) -> str:
    """Return tables of the results so far, and what is missing in them."""
    lines = [_title(results), ""]
    for part in (_steps, _presets, _routes, _queue):
        if table := list(part(results)):
            lines += [*table, ""]
    lines += [f"- {each}" for each in _notes(results)]
    return "\n".join(lines).rstrip() + "\n"


def _title(results: dict[str, Any]) -> str:
    has = results.get("machine", {})
    text = f"{has.get('gpu')}, driver {has.get('driver') or 'unknown'}, torch {has.get('torch')}"
    text += f" (CUDA {has.get('cuda')}); {has.get('cpu')}, {has.get('cores')}; "
    text += DATASETS[results.get("data", {}).get("dataset", "mnist")]
    return (
        f"**Rehearsal on the CPU, with a stand-in for CUDA:** {text}"
        if (results.get("rehearsal"))
        else text
    )


def _steps(results: dict[str, Any]) -> Iterator[str]:
    """Yield a row for each network and format: samples per second at each batch size, with a CUDA
    graph, and the ratio to steps without one."""
    measured = [each for each in results.get("steps", []) if "eager" in each]
    batches = sorted({each["batch"] for each in measured})
    if not measured:
        return
    yield (
        "| samples/s with CUDA graphs (× without) | "
        + " | ".join(f"batch {each:,}" for each in batches)
        + " |"
    )
    yield "|---" * (len(batches) + 1) + "|"
    kinds = dict.fromkeys((each["arch"], each["precision"], each["format"]) for each in measured)
    for arch, precision, format in sorted(kinds, key=lambda kind: list(kinds).index(kind)):
        cells = []
        for batch in batches:
            key = (arch, precision, batch)
            row = next((r for r in measured if (r["arch"], r["precision"], r["batch"]) == key), {})
            cells.append(_speed(row))
        name = f"{arch}, {precision}" + (f" ({format})" if precision == "auto" else "")
        yield f"| {name} | " + " | ".join(cells) + " |"


def _speed(row: dict[str, Any]) -> str:
    if "graph" in row:
        return f"{row['graph']:,} ({row['ratio']:.2f}×)"
    return f"{row['eager']:,} (no graph)" if "eager" in row else "–"


def _presets(results: dict[str, Any]) -> Iterator[str]:
    runs = {"record recipe": results.get("record", []), **results.get("presets", {})}
    rows = [*(_preset(name, each) for name, each in runs.items() if each)]
    if rows:
        yield "| training | seeds | seconds, median (minimum) | accuracy, mean (worst) | routes |"
        yield "|---|---|---|---|---|"
        yield from rows


def _preset(name: str, runs: list[dict[str, Any]]) -> str:
    done = [each for each in runs if each.get("finished", True)]
    seconds = [each["train_seconds"] for each in done]
    scores = [each["test_accuracy"] for each in done]
    took = f"{median(seconds):.3g} ({min(seconds):.3g})" if seconds else "–"
    accuracy = f"{mean(scores):.2%} ({min(scores):.2%})" if scores else "–"
    notes = list(dict.fromkeys(each["routes"] for each in runs if each.get("routes")))
    notes += [describe_training(each) for each in runs if each not in done]
    return f"| {name} | {len(done)} | {took} | {accuracy} | {'; '.join(notes)} |"


def describe_training(row: dict[str, Any]) -> str:
    """Return "0.02 s, 99.05%", and how far a training came that was not finished."""
    facts = [f"{row['train_seconds']:.3g} s"] if "train_seconds" in row else []
    facts += [f"{row['test_accuracy']:.2%}"] if "test_accuracy" in row else []
    if not row.get("finished", True):
        facts.append(f"not finished, {row.get('epoch', row.get('epochs', 0))} epochs")
    return ", ".join(facts)


def _routes(results: dict[str, Any]) -> Iterator[str]:
    """Yield a row for each network and batch size: samples per second of each format."""
    measured = [each for each in results.get("routes", []) if each.get("samples_per_second")]
    formats = list(dict.fromkeys(f for each in measured for f in each["samples_per_second"]))
    if measured:
        yield "| samples/s with CUDA graphs | " + " | ".join(formats) + " |"
        yield "|---" * (len(formats) + 1) + "|"
    for row in measured:
        rates = [row["samples_per_second"].get(each) for each in formats]
        cells = (f"{rate:,}" if rate else "–" for rate in rates)
        yield f"| {row['arch']}, batch {row['batch']:,} | " + " | ".join(cells) + " |"


def _queue(results: dict[str, Any]) -> Iterator[str]:
    for row in results.get("queue", []):
        rates = row["samples_per_second"]
        found = ", ".join(f"{steps}: {rate:,}/s" for steps, rate in rates.items())
        yield f"- steps that may wait on the GPU, {row['arch']} at batch 32: {found}"


def _notes(results: dict[str, Any]) -> Iterator[str]:
    tests = list(results.get("tests", {}).values())
    if tests:
        counts = ", ".join(f"{tests.count(each)} {each}" for each in sorted(set(tests)))
        yield f"GPU tests: {counts}"
    for name, verdict in results.get("tests", {}).items():
        if verdict in ("failed", "error"):
            yield f"{verdict}: {name}"
    if report := results.get("doctor"):
        checks = report["checks"]
        fine = sum(each["verdict"] == "ok" for each in checks)
        yield f"doctor: {fine} of {len(checks)} checks ok"
        for each in checks:
            if each["verdict"] != "ok":
                yield f"doctor, {each['verdict']}: {each['name']} {each['what']}"
    for row in [*results.get("steps", []), *results.get("routes", [])]:
        what = f"{row['arch']}, batch {row['batch']:,}, {row.get('precision', 'routes')}"
        if row.get("failure"):
            yield f"{what}: {row['failure']}"
        if row.get("equal") is False:
            yield f"{what}: the losses with and without a graph differ"
    if missing := results.get("without_command"):
        yield f"trained without the command line: {', '.join(missing)} not installed"
    if cells := [each for each in results.get("steps", []) if each.get("left_out")]:
        names = ", ".join(f"{e['arch']} {e['batch']:,} {e['precision']}" for e in cells)
        yield f"not measured, for lack of time: {names}"
    for name, why in results.get("skipped", {}).items():
        yield f"{name} skipped: {why}"
    for name, why in results.get("failed", {}).items():
        yield f"{name} failed: {why}"
    if results.get("left_out"):
        yield f"left out for lack of time: {', '.join(results['left_out'])}"
    yield f"{results.get('seconds', 0):.0f} s in total"

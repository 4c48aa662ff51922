"""What `eval --corrupt` computes and prints of several corruptions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.data.corruptions import CORRUPTIONS, LEVELS
from core.responses.scores import Corruption, CorruptionScore
from tui.analysis.corruption import ClassLoss, class_losses, mean_of
from tui.cli.output.tables import encodable, print_table
from tui.text.formats import class_label, format_percent

if TYPE_CHECKING:
    from torch import Tensor, nn

WIDTH = 6  # characters of a strength or an accuracy


def score_table(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    corruptions: Sequence[Corruption],
    classes: int,
) -> tuple[CorruptionScore, ...]:
    """Return the score without a corruption, then one for each; how far that is, on a terminal."""
    from core.models.corruption_scores import score_corruptions

    shows_progress = sys.stderr.isatty()
    scores: tuple[CorruptionScore, ...] = ()
    total, shown = max(1, len(labels) * (1 + len(corruptions))), -1
    for scores in score_corruptions(model, images, labels, corruptions, classes):
        percent = 100 * sum(each.samples for each in scores) // total
        if shows_progress and percent != shown:
            shown = percent
            print(f"\rcorrupted images: {percent}%", end="", file=sys.stderr, flush=True)
    if shows_progress:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return scores


def describe(corruption: Corruption) -> dict[str, Any]:
    """Return a corruption as `eval --json` prints it; `level` is null for a strength between."""
    kind = CORRUPTIONS[corruption.kind]
    strengths = kind.levels
    at = corruption.strength
    return {
        "kind": corruption.kind,
        "level": strengths.index(at) + 1 if at in strengths else None,
        "strength": at,
        "unit": kind.unit,
        "seed": corruption.seed,
    }


def table_rows(scores: Sequence[CorruptionScore]) -> list[dict[str, Any]]:
    """Return the scores as `eval --json` prints them; null for a class without images."""
    return [
        describe(each.corruption)
        | {
            "samples": each.samples,
            "correct": sum(each.correct),
            "accuracy": each.accuracy,
            "class_accuracy": list(each.class_accuracy),
        }
        for each in scores
        if each.corruption
    ]


def print_corruptions(report: dict[str, Any]) -> None:
    """Print two lines for each kind: its strengths with their unit, and below the accuracies."""
    confusion, rows = report["confusion"], report["corruptions"]
    before = [row[actual] / sum(row) if sum(row) else None for actual, row in enumerate(confusion)]
    names = report.get("class_names") or range(len(confusion))
    lines: list[tuple[str, ...]] = []
    for kind, entry in CORRUPTIONS.items():
        if not (levels := [row for row in rows if row["kind"] == kind]):
            continue
        mean = format_percent(mean_of([row["accuracy"] for row in levels]))
        losses = class_losses(before, [row["class_accuracy"] for row in levels])
        strengths = [f"{row['strength']:g}" for row in levels]
        accuracies = [format_percent(row["accuracy"]) for row in levels]
        lines.append((kind, *_aligned(strengths), "", entry.unit))
        lines.append(("", *_aligned([*accuracies, mean]), _most_lost(losses, names)))
    levels = [str(place + 1) for place in range(LEVELS)]
    print_table(("", *_aligned([*levels, "MEAN"]), "CLASS THAT LOSES MOST"), lines)


def _most_lost(losses: Sequence[ClassLoss], names: Sequence[object]) -> str:
    if not losses or losses[0].lost <= 0:
        return ""
    most = losses[0]
    name = encodable(class_label(str(names[most.actual])))
    return f"{name}: {format_percent(most.before)} → {format_percent(most.after)}"


def _aligned(cells: Sequence[str]) -> list[str]:
    return [f"{each:>{WIDTH}}" for each in cells]

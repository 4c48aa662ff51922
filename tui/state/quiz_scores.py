"""The scores of the quizzes that were played: a file with one line of JSON each.

Lines are only ever appended, each with one write, so that two programs lose nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any, get_type_hints

from core.errors import explain, printable
from core.files import append_line, open_no_follow, read_lines, replace_file
from core.user import data_folder
from tui.state.quiz import Quiz, QuizKind

FILE = "quiz-scores.jsonl"


@dataclass(frozen=True, kw_only=True)
class QuizScore:
    """One quiz. `right` and `network_right` are numbers of images, of `images`."""

    time: float  # unix seconds
    images: int
    right: int
    network_right: int
    median_seconds: float
    kind: str
    seed: int
    arch: str
    run: str = ""
    dataset: str = ""
    epoch: int | None = None
    step: int | None = None
    test_accuracy: float | None = None
    network_seed: int | None = None


def score_of(quiz: Quiz, time: float) -> QuizScore:
    """Return the score of a quiz that is over. `time` is in unix seconds."""
    network = quiz.network
    return QuizScore(
        time=time,
        images=len(quiz.digits),
        right=sum(quiz.rights),
        network_right=sum(quiz.network_rights),
        median_seconds=round(quiz.median_seconds or 0.0, 3),
        kind=quiz.kind,
        seed=quiz.seed,
        arch=network.arch,
        run=network.run,
        dataset=network.dataset,
        epoch=network.epoch,
        step=network.step,
        test_accuracy=network.accuracy,
        network_seed=network.seed,
    )


def best_of(scores: tuple[QuizScore, ...], kind: QuizKind) -> QuizScore | None:
    """Return the best score of a kind: the most right, of equal ones the fastest."""
    found = [each for each in scores if each.kind == kind]
    return max(found, key=lambda s: (s.right / s.images, -s.median_seconds), default=None)


def scores_file() -> Path:
    return data_folder(FILE) / FILE


def keep_score(score: QuizScore) -> str | None:
    """Append a score to the file. Return why that failed, None where it did not."""
    path = scores_file()
    try:
        append_line(path, json.dumps(asdict(score)).encode())
    except OSError as error:
        where, why = printable(str(path.parent)), printable(explain(error))
        return f"The score is not kept in {where}: {why}."
    return None


def read_scores() -> tuple[tuple[QuizScore, ...], str | None]:
    """Return the scores, the oldest first, and why the file cannot be read; None where it can.

    Damaged lines are skipped.
    """
    path = scores_file()
    try:
        with open(path, "rb", opener=open_no_follow) as file:
            return tuple(_parse(read_lines(file))), None
    except (FileNotFoundError, NotADirectoryError):
        return (), None
    except OSError as error:
        where, why = printable(str(path.parent)), printable(explain(error))
        return (), f"The scores in {where} cannot be read: {why}."


def _parse(lines: Iterator[bytes]) -> Iterator[QuizScore]:
    names = [each.name for each in fields(QuizScore)]
    for line in lines:
        try:
            stored = json.loads(line)
            score = QuizScore(**{name: stored[name] for name in names if name in stored})
        except (ValueError, TypeError, RecursionError):  # damaged, or without a field
            continue
        if _is_valid(score):
            yield score


def _is_valid(score: QuizScore) -> bool:
    kinds = get_type_hints(QuizScore)
    if not all(_fits(getattr(score, name), kind) for name, kind in kinds.items()):
        return False
    rights = score.right, score.network_right
    return score.images > 0 and all(0 <= right <= score.images for right in rights)


def _fits(value: object, kind: Any) -> bool:
    """Return whether a value from a file may be that of a field of this type."""
    if isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, int | float) and isfinite(value)
    if kind == float | None:
        return value is None or _fits(value, float)
    return isinstance(value, kind)


def keep_card(card: str, name: str) -> tuple[Path, str | None]:
    """Write a card to a file of that name, which is replaced. Return its path, and why that
    failed; None where it did not."""
    path = data_folder() / "quiz" / f"{name}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, card.encode(errors="replace"))
    except OSError as error:
        return path, printable(explain(error))
    return path, None

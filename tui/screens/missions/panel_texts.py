"""The texts of the panel beside a mission's runs: what to do now, hints, and the end."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from textual.content import Content

from core.data.datasets import find_dataset
from tui.missions.attempt import MissionAttempt
from tui.missions.mission import Mission
from tui.missions.watcher import describe_prediction
from tui.screens.captions import key, line
from tui.text.settings import NAMES, missing_dataset

SIGNS = {
    "waiting": ("▶", "$focus"),
    "running": ("●", "$series-train"),
    "done": ("✓", "$right"),
    "wrong": ("✗", "$wrong"),
    "stuck": ("!", "$wrong"),
}
BULLET = "· "
AS_WELCOME = "A wrong prediction is as useful as a right one."


def panel_title(attempt: MissionAttempt) -> str:
    return f"Mission {attempt.mission.number}: {attempt.mission.title}"


def panel_keys(attempt: MissionAttempt, *, can_expand: bool) -> Content:
    """Return the keys at the lower right of the panel, each clickable."""
    hint, size = f"hint {attempt.hints}/2", "less" if attempt.is_expanded else "more"
    parts = []
    if attempt.is_done:
        following = "next mission" if attempt.following else "all missions"
        parts.append(key("enter", following, "open"))
    else:
        parts.append(key("f2", hint, "mission('hint')"))
    if can_expand:
        parts.append(key("f4", size, "mission('expand')"))
    return line(*parts, key("esc", "leave", "mission('leave')"))


def panel_lines(attempt: MissionAttempt, data: str | None, *, is_short: bool) -> list[Content]:
    """Return the lines of the panel, the most important ones first; if `is_short`, only those.

    `data` is the folder of the datasets.
    """
    if attempt.is_done:
        return [*_end_lines(attempt)]
    lines = [*_status_lines(attempt, data), *_hint_lines(attempt)]
    return lines if is_short else [*lines, *_background_lines(attempt)]


def height_of(lines: list[Content], width: int) -> int:
    """Return how many rows these lines take in that many columns."""
    folded = Content("\n").join(fold_bullets(lines, width)).plain.split("\n")
    return sum(max(1, len(wrap(each, max(8, width)))) for each in folded)


def fold_bullets(lines: list[Content], width: int) -> list[Content]:
    """Return the lines with those that begin with a bullet broken at words, and indented."""
    return [
        Content("\n".join(wrap(each.plain, max(8, width), subsequent_indent="  ")))
        if each.plain.startswith(BULLET)
        else each
        for each in lines
    ]


def mnist_line(mission: Mission, data: str | None) -> str:
    """Return that MNIST is missing and will be downloaded, where the mission needs it; else ""."""
    if not mission.needs_mnist or missing_dataset("mnist", data) is None:
        return ""
    files = find_dataset("mnist").files
    size = f" ({files.size})" if files else ""
    return f"MNIST is not on this machine: it is downloaded when training starts{size}."


def _status_lines(attempt: MissionAttempt, data: str | None) -> Iterator[Content]:
    status, runs = attempt.status, len(attempt.mission.runs)
    name = f"Run {attempt.place} of {runs}: " if runs > 1 else ""
    sign, colour = SIGNS[status.phase]
    if attempt.is_other_run:
        yield _marked("!", "$wrong", "A run that does not belong to the mission is in progress.")
        yield key("s", "stops it, or wait for its end.", "app.run('stop')")
        return
    if status.phase in ("waiting", "running"):
        yield _marked(sign, colour, f"{name}{attempt.task.task}")
    else:
        yield _marked(sign, colour, status.message)
    if status.phase in ("wrong", "stuck"):
        yield Content(status.advice)
    if attempt.is_training and status.phase == "wrong":
        yield key("s", "stops this run.", "app.run('stop')")
    elif attempt.is_training:
        yield Content("Training. " if status.phase == "running" else "") + _predicted(attempt)
    else:
        if missing := mnist_line(attempt.mission, data):
            yield _marked("!", "$wrong", missing)
        yield _open_line(attempt)


def _open_line(attempt: MissionAttempt) -> Content:
    """Return which settings can be changed, and the key that starts."""
    names = [NAMES[name] for name in NAMES if name in attempt.open_settings]
    starts = key("space", "starts training.", "app.run('start')")
    if not names:
        return Content("All settings are locked; ") + starts
    opened = Content.styled("▸ " + ", ▸ ".join(names), "bold $focus")
    return opened + Content(" can be changed, the rest is locked; ") + starts


def _hint_lines(attempt: MissionAttempt) -> Iterator[Content]:
    for place, text in enumerate(attempt.mission.hints[: attempt.hints], 1):
        yield Content.styled(f"Hint {place}: ", "bold") + Content(text)


def _predicted(attempt: MissionAttempt) -> Content:
    choices = attempt.mission.question.choices
    if attempt.choice is None or attempt.choice >= len(choices):
        return Content("")
    return Content.styled("You predicted: ", "$quiet") + Content(choices[attempt.choice])


def _background_lines(attempt: MissionAttempt) -> Iterator[Content]:
    yield Content("")
    # A check tells the answer, so it is shown once its figures are there.
    for each in attempt.status.checks:
        if each.passed is not None:
            sign, colour = ("✓", "$right") if each.passed else ("✗", "$wrong")
            yield _marked(sign, colour, each.text)
    yield Content.styled(attempt.mission.question.text, "bold")
    if not attempt.is_training:
        yield _predicted(attempt)
    yield Content("")
    yield Content.styled(attempt.mission.setting, "$quiet")


def _end_lines(attempt: MissionAttempt) -> Iterator[Content]:
    """Yield what happened against what was predicted, and why."""
    mission = attempt.mission
    sign, colour = SIGNS["done"]
    yield _marked(sign, colour, attempt.status.happened)
    predicted = describe_prediction(mission, attempt.choice)
    if attempt.choice is not None and attempt.choice != mission.question.right:
        predicted = f"{predicted} {AS_WELCOME}"
    yield Content.styled(predicted, "bold")
    for each in mission.explanation:
        yield Content(BULLET + each)


def _marked(sign: str, colour: str, text: str) -> Content:
    return Content.styled(f"{sign} ", f"bold {colour}") + Content.styled(text, "bold")

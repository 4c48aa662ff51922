"""The texts of the view of missions: the list, and a mission before its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from textual.content import Content

from tui.missions.attempt import MissionAttempt
from tui.missions.mission import Mission
from tui.missions.progress import MissionProgress
from tui.screens.captions import SELECTED, clicked, key, line
from tui.screens.missions.panel_texts import mnist_line
from tui.text.formats import cell_width, fit_cells, format_date, plural, truncate

LONGEST_TITLE = 24
MISSIONS_HELP = {
    "mission": "a task of one to five minutes: predict first, then train, and see whether it "
    "happened. The runs are real, and stay in the list of runs. Any mission can be started.",
    "predict": "1 to 4, the arrows or a click choose; enter begins. Nothing trains before that.",
    "▸": "in the form of Train, a setting that the mission leaves open. All others are locked at "
    "the values that make its runs comparable.",
    "hint": "f2 shows the first hint, then the second. f4 shows more or less of the panel where it "
    "is above the chart.",
    "leaving": "esc in Train leaves a mission, and the settings before come back. Its prediction "
    "and its runs are kept: enter on its row continues it, f5 begins again.",
    "✓ ◐": "done; left in the middle.",
    "needs MNIST": "the 4,000 images of the sample do not show its effect. Without MNIST on this "
    "machine, it is downloaded when training starts.",
}


def sign_of(mission: Mission, progress: MissionProgress, here: Mission | None) -> tuple[str, str]:
    """Return the sign of a mission's state, and its colour."""
    if here == mission:
        return "▶", "$focus"
    if progress.done:
        return "✓", "$right"
    return ("◐", "$series-train") if progress.can_continue else (" ", "$quiet")


def list_lines(
    missions: Sequence[Mission],
    progress: Mapping[str, MissionProgress],
    cursor: int,
    attempt: MissionAttempt | None,
    width: int,
) -> Iterator[Content]:
    """Yield a clickable line for each mission; that at the place `cursor` is marked."""
    here = attempt.mission if attempt and not attempt.is_done else None
    titles = min(LONGEST_TITLE, max((cell_width(each.title) for each in missions), default=0))
    for place, each in enumerate(missions):
        sign, colour = sign_of(each, progress.get(each.key, MissionProgress()), here)
        title = fit_cells(truncate(each.title, titles), titles)
        needs = " (needs MNIST)" if each.needs_mnist else ""
        text = f"{each.number:2}  {title}  {each.minutes:2g} min  "
        room = max(8, width - 3 - cell_width(text) - len(needs))
        text += truncate(each.teaches or each.question.text, room) + needs
        if place == cursor:  # what can be clicked has the colour of links, illegible here
            yield Content.styled(fit_cells(f" {sign} {text}", width), SELECTED)
        else:
            row = Content.styled(f" {sign} ", f"bold {colour}") + Content(text)
            yield clicked(row, f"pick({place})")


def detail_lines(
    mission: Mission, progress: MissionProgress, here: bool, data: str | None
) -> Iterator[Content]:
    """Yield what to know of the mission under the cursor, and its keys."""
    yield Content.styled(mission.title, "bold")
    yield Content(mission.setting)
    yield Content.styled("Predict: ", "$quiet") + Content(mission.question.text)
    if missing := mnist_line(mission, data):
        yield Content.styled(f"! {missing}", "$wrong")
    keys = [key("enter", "continue" if here or progress.can_continue else "open", "open")]
    if here or progress.can_continue:
        keys.append(key("f5", "begin again", "again"))
    yield Content("")
    yield line(*keys, Content.styled(_state_of(progress, here), "$quiet"))


def _state_of(progress: MissionProgress, here: bool) -> str:
    if here:
        return "in progress"
    done = f"done {format_date(progress.done)[:10]}" if progress.done else ""
    if not progress.can_continue:
        return done
    runs = f", {plural(len(progress.runs), 'run')} trained" if progress.runs else ""
    return f"{done}{', then ' if done else ''}left in the middle{runs}"


def question_lines(mission: Mission, cursor: int, data: str | None) -> Iterator[Content]:
    """Yield a mission before its prediction; the choice at the place `cursor` is marked."""
    yield Content.styled(f"Mission {mission.number}: {mission.title}", "bold")
    yield Content("")
    yield Content(mission.setting)
    yield Content("")
    yield Content.styled("Predict first: ", "bold $focus") + Content.styled(
        mission.question.text, "bold"
    )
    yield Content("")
    for place, each in enumerate(mission.question.choices):
        text = f" {place + 1}  {each} "
        is_chosen = place == cursor
        yield (
            Content.styled(text, SELECTED)
            if is_chosen
            else clicked(Content(text), f"choose({place})")
        )
    yield Content("")
    if missing := mnist_line(mission, data):
        yield Content.styled(f"! {missing}", "$wrong")
    if cursor < 0:
        yield line(Content.styled("Choose what you expect.", "$quiet"), key("esc", "back", "back"))
    else:
        what = "that is my prediction: go to the training"
        yield line(key("enter", what, "open"), key("esc", "back", "back"))

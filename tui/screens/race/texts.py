"""The texts of the Race view: before a race, at its end, and its help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, stdev

from textual.content import Content

from core.race.lane_run import LaneRun
from core.race.result import judge
from tui.analysis.race.positions import format_seconds
from tui.analysis.race.words import plan_of
from tui.charts.race import lane_sign
from tui.screens.captions import key, line
from tui.state.race.race_state import LaneState, RaceState
from tui.state.run_state import LETTERS
from tui.text.formats import (
    fit_cells,
    format_loss,
    format_percent,
    printable,
    right_cells,
    truncate,
)

NAME = 16  # columns of a lane's name in the table of the end

RACE_HELP = {
    "race": "two to four runs that are trained in turn, each exactly as it would be alone. They "
    "differ in one setting, so what differs in the result comes from it. Each is a run with its "
    "own folder: all views show that of the selected lane (↑ ↓).",
    "by samples": "all lanes have seen equally many images at any time; by time, all have trained "
    "equally long, so a slow network sees fewer.",
    "bars": "how far each lane is. To a goal, each halving of the error is an equal step: from 90% "
    "to 95% is as far as from 95% to 97.5%. They move at evaluations, at the end of an epoch. "
    "Without a goal, they show the epochs.",
    "1st 2nd": "lanes that have reached the goal come first, by the images (or the seconds) that "
    "they needed; then the others, by their test accuracy at as many images. With several seeds, "
    "over all of them. The gap is to the first.",
    "band": "with several seeds, from the lowest to the highest of the runs that have ended, and "
    "the line in it is their mean. The dotted line is the run in training.",
    "digits": "the same test images for all lanes, with what each predicts now and how sure it is. "
    "f shows six others.",
    "chance": "another seed gives other first weights and another order of images, and so another "
    "accuracy. A difference no larger than that between seeds says nothing about the setting.",
}

WHAT = (
    "A race trains two to four networks side by side, with one setting changed: the network, the "
    "learning rate, the batch size, or any other. All else is the same, so what differs in the "
    "result comes from that setting."
)
SEES = (
    "This view then shows all curves on one chart, how far each lane is from the goal, and the "
    "same test digits as each lane sees them. The end names a winner, and says whether the "
    "difference could be chance."
)
COMMANDS = (
    ("mnist-tui race --arch linear,mlp,quick --to 0.97", "three networks to 97%"),
    ("mnist-tui race --lr 0.1,0.01,0.001", "one network at three rates"),
    ("mnist-tui race --batch-size 8,32,128 --seeds 3", "each three times, to see the chance"),
)


def start_content(width: int) -> Content:
    """Return what a race is and how to start one."""
    lines = [Content.styled("Race: change one thing, and see what it does", "bold"), Content("")]
    lines += [Content(WHAT), Content(""), Content(SEES), Content("")]
    lines += [key("ctrl+r", "start a race with the settings of Train", "app.open('race')")]
    lines.append(Content(""))
    lines.append(Content.styled("From the shell:", "$quiet"))
    longest = max(len(command) for command, _ in COMMANDS)
    is_fitting = all(longest + 4 + len(what) <= width for _, what in COMMANDS)
    for command, what in COMMANDS:
        text = Content(f"  {command:{longest}}")
        lines.append(text + Content.styled(f"  {what}", "$quiet") if is_fitting else text)
    return Content("\n").join(lines)


def result_content(race: RaceState, width: int, *, ascii: bool) -> Content:
    """Return the end of a race: its winner, a table, the verdict's reasons, and what to do next."""
    lines = [*_winner_lines(race), *_table(race, width, ascii=ascii)]
    if race.started and race.started.seeds > 1:
        seeds = "accuracy: mean ± standard deviation over the seeds that have finished"
        lines.append(Content.styled(seeds, "$quiet"))
    if race.verdict:
        lines += [Content(""), Content(printable(race.verdict.verdict))]
    lines.append(Content(""))
    return Content("\n").join([*lines, *_next_lines(race)])


def _winner_lines(race: RaceState) -> Iterator[Content]:
    """Yield the winner by the goal and that by the final accuracy."""
    verdict = race.verdict
    if verdict is None:
        yield Content.styled(printable(race.message) or "The race has ended.", "bold")
        return
    if verdict.stopped:
        yield Content.styled("Stopped before the end.", "bold")
    judged = judge(plan_of(race), [lane.runs for lane in race.lanes])
    goal = race.goal
    to = f"First to {format_percent(goal)}:"
    for what, lane in ((to, judged.by_goal), ("Highest final accuracy:", judged.by_accuracy)):
        if lane is not None:
            name = printable(race.lanes[lane].name)
            yield Content.styled(f"★ {what} ", "$right") + Content.styled(name, "bold $right")


def _table(race: RaceState, width: int, *, ascii: bool) -> Iterator[Content]:
    goal = race.goal
    name = min(NAME, max(len(printable(lane.name)) for lane in race.lanes))
    heads = ["accuracy", "loss", "trained"]
    if goal is not None:
        heads.insert(0, f"to {format_percent(goal)}")
    rows = [_cells(race, lane, goal) for lane in race.lanes]
    widths = [
        max(map(len, (head, *column)))
        for head, column in zip(heads, zip(*rows, strict=True), strict=True)
    ]
    while len(widths) > 2 and 2 + name + sum(widths) + 2 * len(widths) > width:
        widths.pop()
    head = "".join(right_cells(each, size + 2) for each, size in zip(heads, widths, strict=False))
    yield Content.styled(" " * (name + 2) + head, "$quiet")
    winner = race.verdict.winner if race.verdict else None
    for number, (lane, row) in enumerate(zip(race.lanes, rows, strict=True)):
        sign = Content.styled(f"{lane_sign(number, ascii=ascii)} ", f"$series-{LETTERS[number]}")
        label = fit_cells(truncate(printable(lane.name), name), name)
        cells = "".join(
            right_cells(each, size + 2) for each, size in zip(row, widths, strict=False)
        )
        yield sign + Content.styled(label + cells, "bold" if number == winner else "")


def _cells(race: RaceState, lane: LaneState, goal: float | None) -> list[str]:
    """Return the cells of a lane's row: the goal if there is one, accuracy, loss, and seconds."""
    runs = [run for run in lane.runs if run.outcome == "finished" and run.accuracy is not None]
    ended = [run for run in lane.runs if run.accuracy is not None]
    if not runs:
        last, what = ended[-1] if ended else LaneRun(), _describe_end(lane)
        seconds = format_seconds(last.seconds) if ended else "–"  # known at evaluations alone
        cells = [what, format_loss(last.loss), seconds]
        return ["–", *cells] if goal is not None else cells
    accuracies = [run.accuracy for run in runs if run.accuracy is not None]
    accuracy = format_percent(mean(accuracies))
    if len(accuracies) > 1:
        accuracy += f" ± {100 * stdev(accuracies):.2f}"
    loss = format_loss(mean(run.loss for run in runs if run.loss is not None))
    cells = [accuracy, loss, format_seconds(mean(run.seconds for run in runs))]
    return [_reached_text(race, runs), *cells] if goal is not None else cells


def _describe_end(lane: LaneState) -> str:
    """Return why a lane has no result."""
    outcomes = {run.outcome for run in lane.runs}
    if "diverged" in outcomes:
        return "diverged"
    if lane.is_dropped:
        return "dropped"
    if any(run.reason == "memory" for run in lane.runs):
        return "out of memory"
    return "not started" if outcomes == {"waiting"} else "not ended"


def _reached_text(race: RaceState, runs: Sequence[LaneRun]) -> str:
    reached = [run.reached for run in runs if run.reached]
    if not reached:
        return "not reached"
    if race.started and race.started.by == "time":
        text = format_seconds(mean(each.seconds for each in reached))
    else:
        text = f"{mean(each.samples for each in reached):,.0f} images"
    return text if len(reached) == len(runs) else f"{text}, {len(reached)} of {len(runs)}"


def _next_lines(race: RaceState) -> Iterator[Content]:
    if race.started is None:
        yield key("ctrl+r", "start a race with the settings of Train", "app.open('race')")
        return
    if race.verdict and race.verdict.stopped:
        yield key("+", "continue the race", "app.open('race_rest')")
    yield line(
        key("↑↓", "select a lane, to see its run in the other views", "lane(1)"),
        key("5", "checkpoints", "app.view('checkpoints')"),
    )
    name = printable(race.started.race)
    yield Content.styled(f"to see it again later: mnist-tui race --show {name}", "$quiet")

"""What `mnist-tui race` prints at its end, and of a race on disk."""

from collections.abc import Sequence
from dataclasses import asdict
from textwrap import fill

from core.commands import RacePlan
from core.race.difference import describe_difference
from core.race.lane_run import LaneRun
from core.race.record import RaceRecord, is_race_live, race_started
from core.race.result import judge
from core.race.resume import read_lane_runs
from core.race.standings import Standing, rank_lanes
from core.race.words import format_accuracy, format_costs, format_points, format_share
from tui.cli.console import print_json
from tui.cli.output.tables import output_width, print_table
from tui.headless.race import RaceEnd, describe_race, standings_rows
from tui.text.formats import printable


def print_end(end: RaceEnd) -> None:
    """Print the standings and the verdict."""
    print_standings(end)
    print_text(judge(end.plan, end.runs).text)


def print_standings(end: RaceEnd) -> None:
    plan = end.plan
    goal = [f"TO {format_share(plan.goal)}"] if plan.goal is not None else []
    head = ["", "LANE", "TEST ACCURACY", "DIFFERENCE", *goal, "STATUS", "RUNS"]
    rows = [_cells(end, each) for each in rank_lanes(plan, end.runs)]
    print_table(head, rows, optional=("DIFFERENCE",), wrap_last=True)


def _cells(end: RaceEnd, standing: Standing) -> list[str]:
    plan, runs = end.plan, end.runs[standing.lane]
    is_first = standing.place == 1
    behind = standing.behind
    goal = []
    if plan.goal is not None:
        goal = [format_costs(plan, standing.cost) if standing.cost else "–"]
        if standing.cost and plan.seeds > 1:
            goal = [f"{goal[0]} ({standing.reached}/{standing.runs})"]
    return [
        "–" if standing.place is None else f"{standing.place}.",
        standing.name,
        format_accuracy(standing.accuracy) if standing.accuracy else "–",
        "" if is_first or behind is None else f"{format_points(-behind, signed=True)} points",
        *goal,
        _status(end, standing.lane, runs),
        ", ".join(run.name for run in runs if run.name),
    ]


def _status(end: RaceEnd, lane: int, runs: Sequence[LaneRun]) -> str:
    if lane in end.dropped:
        return "dropped"
    interrupted = {} if end.is_live else {"training": "interrupted"}
    outcomes = [interrupted.get(run.outcome, run.outcome) for run in runs]
    if len(set(outcomes)) == 1:
        return outcomes[0]
    return ", ".join(f"{outcomes.count(each)} {each}" for each in dict.fromkeys(outcomes))


def print_text(text: str) -> None:
    """Print sentences, as wide as the terminal."""
    print(fill(printable(text), min(output_width(), 10_000)))


def print_plan(plan: RacePlan, *, as_json: bool) -> int:
    """Print the lanes of a race and what differs, and return 0."""
    if as_json:
        lanes = [
            {"lane": number, "name": lane.name, "config": asdict(lane.config)}
            for number, lane in enumerate(plan.lanes, 1)
        ]
        options = {"by": plan.by, "seeds": plan.seeds, "goal": plan.goal, "changed": plan.changed}
        print_json({"lanes": lanes, **options, "difference": describe_difference(plan)})
        return 0
    for number, lane in enumerate(plan.lanes, 1):
        print(f"{number}. {printable(lane.name)}")
    print_text(describe_difference(plan))
    return 0


def print_record(record: RaceRecord, *, as_json: bool) -> None:
    """Print the result of a race on disk, or where it stands."""
    end = RaceEnd(record.plan)
    end.runs, end.dropped = read_lane_runs(record), [*record.dropped]
    end.is_live = is_race_live(record)
    verdict = judge(record.plan, end.runs)
    if not as_json:
        print("\n".join(describe_race(race_started(record), record.plan)))
        print_end(end)
        return
    plan = record.plan
    print_json(
        {
            "race": record.name,
            "folder": str(record.folder),
            "live": end.is_live,
            "changed": plan.changed,
            "by": plan.by,
            "seeds": plan.seeds,
            "goal": plan.goal,
            "standings": standings_rows(end),
            "winner": None if verdict.winner is None else verdict.winner + 1,
            "verdict": verdict.text,
        }
    )

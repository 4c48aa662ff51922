"""Read missions from TOML files: the program's own in tui/missions/tasks, or a teacher's.

docs/missions.md describes the form.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from core.config import FIELDS, TrainConfig, find_problem
from core.errors import UserError, closest_match, explain, printable
from tui.missions.checks import read_checks, read_happened
from tui.missions.fields import MissionError, Table, describe, read_table
from tui.missions.mission import (
    ENDINGS,
    SETTINGS,
    Mission,
    MissionRun,
    OpenSetting,
    Question,
    same_value,
)

TASKS = Path(__file__).parent / "tasks"
FILE_NAME = re.compile(r"(\d{2})-([a-z0-9][a-z0-9-]{0,40})\.toml")
KEYS = (
    *("title", "teaches", "minutes", "setting", "question", "runs", "checks", "hints", "happened"),
    "explanation",
)
MOST_RUNS, MOST_CHECKS, MOST_CHOICES, MOST_VALUES = 4, 8, 4, 8
MOST_MISSIONS = 99


def list_missions(folder: Path | None = None) -> tuple[tuple[Mission, ...], tuple[str, ...]]:
    """Return the missions in a folder, or the program's own, by number; and what is wrong with
    files that are not missions, a line each. Raises MissionError where there is no mission file."""
    place = folder or TASKS
    try:
        files = (each for each in place.iterdir() if not each.name.startswith("."))
        paths = sorted(each for each in files if each.suffix == ".toml")
    except OSError as error:
        raise MissionError(printable(f"{place} cannot be read ({explain(error)})")) from None
    if not paths:
        raise MissionError(printable(f"{place} has no missions: files such as 01-rates.toml"))
    found: list[Mission] = []
    faults: list[str] = []
    for path in paths[:MOST_MISSIONS]:
        try:
            mission = load_mission(path, is_own=folder is None)
            if mission.number in [each.number for each in found]:
                raise MissionError(printable(f"{path}: another mission has number {path.name[:2]}"))
            found.append(mission)
        except MissionError as error:
            faults.append(str(error))
    return tuple(found), tuple(faults)


def load_mission(path: Path, *, is_own: bool = False) -> Mission:
    """Return the mission in a file. Raises MissionError, which names file, key and reason."""
    named = FILE_NAME.fullmatch(path.name)
    if named is None:
        what = "a mission's file is called NN-NAME.toml, such as 01-rates.toml"
        raise MissionError(printable(f"{path}: {what}"))
    top = read_table(path)
    top.check_keys(KEYS)
    question = _read_question(top.table("question"))
    runs = tuple(_read_run(each) for each in top.tables("runs", MOST_RUNS))
    again = [name for name, count in Counter(each.name for each in runs).items() if count > 1]
    if again:
        top.fail("runs", f"two are called {again[0]}")
    names = [each.name for each in runs]
    checks = read_checks(top.tables("checks", MOST_CHECKS), names)
    minutes = top.number("minutes", 3)
    if minutes is None or not 0 < minutes <= 120:
        top.fail("minutes", "must be a number above 0, at most 120")
    first, second = top.texts("hints", 2, 2, 300)
    one, two, three = top.texts("explanation", 3, 3, 300)
    return Mission(
        number=int(named[1]),
        name=named[2],
        title=top.text("title", 40),
        teaches=top.text("teaches", 40, ""),
        setting=top.text("setting", 700),
        question=question,
        runs=runs,
        checks=checks,
        hints=(first, second),
        happened=read_happened(top, names, checks),
        explanation=(one, two, three),
        minutes=minutes,
        path=path.absolute(),
        is_own=is_own,
    )


def _read_question(table: Table) -> Question:
    table.check_keys(("text", "choices", "right"))
    choices = table.texts("choices", 2, MOST_CHOICES, 80)
    if len(set(choices)) < len(choices):
        table.fail("choices", "two are the same")
    right = table.number("right")
    if type(right) is not int or not 1 <= right <= len(choices):
        table.fail("right", f"must be the number of a choice, 1 to {len(choices)}")
    return Question(table.text("text", 200), choices, right - 1)


def _read_run(table: Table) -> MissionRun:
    table.check_keys(("name", "task", "fixed", "open", "ends"))
    fixed = table.table("fixed", required=False)
    values = {name: _read_value(fixed, name, value) for name, value in fixed.values.items()}
    opened = table.table("open", required=False)
    run = MissionRun(
        name=table.name("name"),
        task=table.text("task", 200),
        fixed=values,
        open=tuple(_read_open(opened, name) for name in opened.values),
        ends=next(each for each in ENDINGS if each == table.choice("ends", ENDINGS, ENDINGS[0])),
    )
    for each in run.open:
        if each.name in values:
            opened.fail(each.name, "is fixed as well as open")
    if "dataset" not in run.settings or run.settings["dataset"] == "auto":
        fixed.fail("dataset", "is missing: what a run comes to depends on it")
    try:
        run.start_config(TrainConfig())
        run.solved_config(TrainConfig())
    except UserError as error:
        table.fail("fixed", str(error))
    return run


def _read_value(table: Table, name: str, value: Any) -> Any:
    """Return the value of a setting, with the type that a config has."""
    if name not in SETTINGS:
        near = closest_match(name, SETTINGS)
        hint = f"did you mean {near}?" if near else f"a mission can set {', '.join(SETTINGS)}"
        table.fail(name[:60], f"is not a setting; {hint}")
    if isinstance(FIELDS[name].default, float) and type(value) is int and abs(value) < 2**53:
        value = float(value)
    if name == "arch" and isinstance(value, str) and ":" in value:
        table.fail(name, "must not name a Python file")
    if name == "dataset" and value not in FIELDS[name].metadata["choices"][1:]:
        table.fail(name, f"must be one of {', '.join(FIELDS[name].metadata['choices'][1:])}")
    if why := find_problem(name, value):
        allowed, no, _ = why.partition(", not ")
        table.fail(name, f"{allowed}, not {describe(value)}" if no else why)
    return value


def _read_open(table: Table, name: str) -> OpenSetting:
    """Return what an open setting must come to: {to = X}, {among = [X, Y]} or {least, most}."""
    if name not in SETTINGS:
        _read_value(table, name, None)
    given = table.table(name)
    given.check_keys(("to", "among", "least", "most", "start"))
    kinds = [key for key in ("to", "among") if key in given.values]
    has_range = "least" in given.values or "most" in given.values
    if len(kinds) + has_range != 1:
        table.fail(name, "needs one of: to, among, or least and most")
    among = given.values.get("among", [])
    if kinds == ["among"] and not (isinstance(among, list) and 1 <= len(among) <= MOST_VALUES):
        given.fail("among", f"must be a list of 1 to {MOST_VALUES} values")
    allowed = [given.values["to"]] if kinds == ["to"] else among
    values = tuple(_read_value(Table(table.path, {}, table.where), name, each) for each in allowed)
    least, most = given.number("least"), given.number("most")
    if has_range:
        if not isinstance(FIELDS[name].default, int | float):
            table.fail(name, "is not a number: use to or among")
        for each in (least, most):
            if each is not None:
                _read_value(Table(table.path, {}, table.where), name, each)
        if least is not None and most is not None and least > most:
            table.fail(name, "least is above most, so that no value fits")
    start = given.values.get("start", FIELDS[name].default)
    start = _read_value(Table(table.path, {}, table.where), name, start)
    if kinds == ["to"] and same_value(start, values[0]):
        table.fail(name, "starts at the value that it must come to: give another start")
    return OpenSetting(name, values, least, most, start)

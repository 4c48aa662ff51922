"""Read a mission's checks and the text of what happened, and refuse those that can never hold."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

from core.errors import closest_match
from tui.missions.fields import Table
from tui.missions.metrics import METRICS
from tui.missions.mission import Check, How, Operand

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
LIMITS = ("above", "below", "equals")


def read_checks(tables: tuple[Table, ...], runs: Collection[str]) -> tuple[Check, ...]:
    """Return the checks of a mission with these runs. Raises MissionError."""
    checks = tuple(_read_check(table, runs) for table in tables)
    names = [each.name for each in checks if each.name]
    for table, check in zip(tables, checks, strict=True):
        if check.name and (names.count(check.name) > 1 or check.name in runs):
            table.fail("name", f"is that of another check or run: {check.name}")
    return checks


def _read_check(table: Table, runs: Collection[str]) -> Check:
    table.check_keys(("text", "value", "minus", "divided_by", *LIMITS, "name"))
    how: How = ""
    if "minus" in table.values:
        how = "minus"
    if "divided_by" in table.values:
        if how:
            table.fail("divided_by", "cannot be used with minus")
        how = "divided_by"
    above, below, equals = (table.number(key) for key in LIMITS)
    check = Check(
        text=table.text("text", 120),
        left=_read_operand(table, "value", runs),
        how=how,
        right=_read_operand(table, how, runs) if how else None,
        above=above,
        below=below,
        equals=equals,
        name=table.name("name", ""),
    )
    if (equals is None) == (above is None and below is None):
        table.fail("", "needs above, below or both, or equals alone")
    _check_possible(table, check)
    return check


def _read_operand(table: Table, key: str, runs: Collection[str]) -> Operand:
    found = parse_operand(table.text(key, 60), runs)
    return found if isinstance(found, Operand) else table.fail(key, found)


def parse_operand(text: str, runs: Collection[str]) -> Operand | str:
    """Return the operand of a text RUN.METRIC, or what is wrong with it."""
    run, dot, metric = text.partition(".")
    if not dot:
        return f"must be RUN.METRIC, such as {next(iter(runs))}.test_accuracy, not {text!r}"
    if run not in runs:
        return f"there is no run {run!r}; the runs are {', '.join(runs)}"
    if metric not in METRICS:
        near = closest_match(metric, METRICS)
        hint = f"did you mean {near}?" if near else f"the metrics are {', '.join(METRICS)}"
        return f"there is no metric {metric!r}; {hint}"
    return Operand(run, metric)


def _check_possible(table: Table, check: Check) -> None:
    """Raise MissionError where no value passes the check."""
    low, high = value_range(check)
    text = f"the value is {low:g} to {high:g}"
    if check.equals is not None and not low <= check.equals <= high:
        table.fail("equals", f"can never hold: {text}")
    if check.above is not None and check.above >= high:
        table.fail("above", f"can never hold: {text}")
    if check.below is not None and check.below <= low:
        table.fail("below", f"can never hold: {text}")
    if check.above is not None and check.below is not None and check.above >= check.below:
        table.fail("above", "can never hold: it is not less than below")
    is_always = (check.above is None or check.above < low) and (
        check.below is None or check.below > high
    )
    if check.equals is None and is_always:
        table.fail("", f"always holds: {text}")


def value_range(check: Check) -> tuple[float, float]:
    """Return the least and the most that the value of a check can be."""
    left = METRICS[check.left.metric]
    if check.right is None:
        return left.least, left.most
    if check.left == check.right:
        return (0.0, 0.0) if check.how == "minus" else (1.0, 1.0)
    right = METRICS[check.right.metric]
    if check.how == "minus":
        return left.least - right.most, left.most - right.least
    return 0.0, math.inf  # no metric is below 0


def format_value(check: Check, value: float) -> str:
    """Return the value of a check as text, in the unit of its metrics."""
    metric = METRICS[check.left.metric]
    if check.how == "divided_by":
        return f"{value:.3g}"
    if check.how == "minus" and metric.is_share:
        return f"{100 * value:.1f} points"
    return f"−{metric.format(-value)}" if value < 0 else metric.format(value)


def read_happened(table: Table, runs: Collection[str], checks: tuple[Check, ...]) -> str:
    """Return the text of what happened, with names in braces that are known."""
    text = table.text("happened", 400)
    names = {each.name for each in checks if each.name}
    for place in PLACEHOLDER.findall(text):
        if place in names:
            continue
        if isinstance(found := parse_operand(place, runs), str):
            table.fail("happened", f"{{{place[:40]}}}: {found}")
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        table.fail("happened", "has a brace without its other one")
    return text

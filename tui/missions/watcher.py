"""watch(mission, states): how far a mission is, by what its runs really did. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from core.config import FIELDS, TrainConfig
from core.errors import printable
from core.models.architectures import text_of
from tui.analysis.changed_settings import setting_text
from tui.missions.checks import PLACEHOLDER, format_value
from tui.missions.metrics import METRICS
from tui.missions.mission import Check, Mission, MissionRun, OpenSetting, Operand, same_value
from tui.state.run_state import RunState
from tui.text.formats import plural
from tui.text.settings import NAMES

StatusPhase = Literal["waiting", "running", "done", "wrong", "stuck"]
IDLE_SECONDS = 120.0  # without a run, or paused: then the person may not know what to do


@dataclass(frozen=True)
class CheckResult:
    """A check with its value; both are None until the runs that it compares have ended."""

    check: Check
    value: float | None = None
    passed: bool | None = None

    @property
    def text(self) -> str:
        """The check in words, with its figure where it is known."""
        if self.value is None:
            return self.check.text
        return f"{self.check.text}: {format_value(self.check, self.value)}"


@dataclass(frozen=True)
class MissionStatus:
    """How far a mission is.

    `run` is the name of the run that is waited for, in progress or at fault; "" where there is
    none. `message` says what is the case, `advice` what to do. `runs` are the states of the runs
    that count, by their names; `happened` is empty until the mission is done.
    """

    phase: StatusPhase
    run: str = ""
    message: str = ""
    advice: str = ""
    checks: tuple[CheckResult, ...] = ()
    runs: Mapping[str, RunState] = field(default_factory=dict)
    happened: str = ""


def watch(mission: Mission, states: Sequence[RunState], idle_seconds: float = 0.0) -> MissionStatus:
    """Return the status after these runs, the oldest first, of which the last may be in progress.

    `idle_seconds` is for how long nothing has happened.
    """
    ended = find_ended(mission, states)
    checks = tuple(_result(each, ended) for each in mission.checks)
    if len(ended) == len(mission.runs) and all(each.passed for each in checks):
        happened = describe_happened(mission, ended)
        return MissionStatus("done", "", "Mission done.", "", checks, ended, happened)
    status = _status(mission, states, ended, checks, idle_seconds)
    return replace(status, checks=checks, runs=ended)


def assign(mission: Mission, states: Sequence[RunState]) -> tuple[str, ...]:
    """Return for each state the name of the mission's run that has its settings, "" for none.

    Of two runs with the same settings, the first is filled first.
    """
    names: list[str] = []
    filled = set()  # by a run that has ended as it must, or is in progress
    for state in states:
        fitting = [run for run in mission.runs if state.started and not find_problems(run, state)]
        free = [run for run in fitting if run.name not in filled]
        run = free[0] if free else fitting[-1] if fitting else None
        names.append(run.name if run else "")
        if run and (state.is_active or _is_end(run, state)):
            filled.add(run.name)
    return tuple(names)


def find_ended(mission: Mission, states: Sequence[RunState]) -> dict[str, RunState]:
    """Return the newest state of each of the mission's runs that has ended as it must.

    One that was trained again and stopped still counts.
    """
    assigned = zip(assign(mission, states), states, strict=True)
    return {name: each for name, each in assigned if name and _is_end(mission.run(name), each)}


def _is_end(run: MissionRun, state: RunState) -> bool:
    if run.ends == "diverged":
        return state.phase == "failed" and state.reason == "diverged"
    return state.phase == "finished"


def _status(
    mission: Mission,
    states: Sequence[RunState],
    ended: Mapping[str, RunState],
    checks: tuple[CheckResult, ...],
    idle_seconds: float,
) -> MissionStatus:
    now = states[-1] if states else None
    name = assign(mission, states)[-1] if now else ""
    missing = next((each for each in mission.runs if each.name not in ended), None)
    is_repeated = missing is not None and name in find_ended(mission, states[:-1])
    if now and missing and is_repeated and (now.is_active or ended[name] is now):
        place = mission.runs.index(mission.run(name)) + 1
        message = f"These settings were trained already, in run {place}."
        return MissionStatus("wrong", missing.name, message, missing.task)
    # How a repeated run was stopped or failed does not matter: the earlier one counts.
    if now and not is_repeated and (problem := _newest_problem(mission, now, name, missing)):
        return problem
    if now and now.is_active:
        if now.phase == "paused" and idle_seconds >= IDLE_SECONDS:
            return MissionStatus("stuck", name, "The run is paused.", "Resume it with space.")
        return MissionStatus("running", name, "The run is in progress.")
    if missing is None:
        failed = next(each for each in checks if not each.passed)
        return MissionStatus("wrong", "", f"Not reached: {failed.text}", _advise_again(mission))
    if idle_seconds >= IDLE_SECONDS:
        message = f"Nothing has happened for {plural(round(IDLE_SECONDS / 60), 'minute')}."
        return MissionStatus("stuck", missing.name, message, missing.task)
    return MissionStatus("waiting", missing.name, "Waiting for the run to start.", missing.task)


def _newest_problem(
    mission: Mission, state: RunState, name: str, missing: MissionRun | None
) -> MissionStatus | None:
    """Return the status where the newest run has other settings, or has ended in another way."""
    if state.started is None:
        if state.phase == "failed":
            message = printable(state.message) or "Training did not start."
            return MissionStatus("stuck", "", message, "Correct that, then start again.")
        return None
    if not name:
        run = closest_run(mission, state, missing)
        message = "The run has other settings: " + "; ".join(find_problems(run, state)) + "."
        return MissionStatus("wrong", run.name, message, run.task)
    run = mission.run(name)
    if state.is_active or _is_end(run, state):
        return None
    again = f"Start it again, and let all {state.started.epochs:,} epochs end."
    match state.phase, state.reason:
        case ("stopped", _) | ("idle", _):
            return MissionStatus("stuck", name, f"The run stopped in epoch {state.epoch}.", again)
        case "failed", "diverged":
            advice = "Start it again; another seed may help."
            return MissionStatus("stuck", name, "Training diverged.", advice)
        case "failed", _:
            return MissionStatus(
                "stuck", name, f"The run failed: {printable(state.message)}", again
            )
    return MissionStatus("wrong", name, "Training did not diverge.", run.task)


def closest_run(mission: Mission, state: RunState, missing: MissionRun | None) -> MissionRun:
    """Return the run of the mission whose settings differ least; of several, the missing one."""
    return min(mission.runs, key=lambda run: (len(find_problems(run, state)), run is not missing))


def find_problems(run: MissionRun, state: RunState) -> tuple[str, ...]:
    """Return in which settings a run that has started differs from one of the mission's."""
    started = state.started
    assert started is not None
    problems = []
    if started.branched_from is not None:
        problems.append("it is a branch of another run, start a new one")
    if any(mark.kind == "rate" for mark in state.marks):
        problems.append("its learning rate was changed during training")
    wanted = run.settings
    for name, value in wanted.items():
        found = value_of(state, name)
        if not _is_same_setting(name, found, value):
            problems.append(_differs(name, found, describe_setting(name, value)))
    for each in run.open:
        found = value_of(state, each.name)
        fits = any(_is_same_setting(each.name, found, value) for value in each.values)
        if not fits and (each.values or not each.accepts(found)):
            problems.append(_differs(each.name, found, describe_open(each)))
    return tuple(problems)


def value_of(state: RunState, name: str) -> Any:
    """Return the value of a setting of a run that has started."""
    started = state.started
    assert started is not None
    if name == "dataset":  # that auto came to
        return started.dataset
    if name == "arch":
        return started.spec
    return started.config.get(name, FIELDS[name].default)


def _is_same_setting(name: str, found: Any, wanted: Any) -> bool:
    if name != "arch":
        return same_value(found, wanted)
    return text_of(str(found)) == text_of(TrainConfig(arch=wanted).arch)


def _differs(name: str, found: Any, wanted: str) -> str:
    return f"{NAMES[name]} is {describe_setting(name, found)}, not {wanted}"


def describe_setting(name: str, value: Any) -> str:
    """Return a setting's value as a person reads it."""
    if isinstance(value, float) and 0 < abs(value) < 1e-3:
        return f"{value:.10f}".rstrip("0") if abs(value) >= 1e-7 else f"{value:g}"
    if isinstance(value, int) and not isinstance(value, bool) and name != "seed":
        return f"{value:,}"
    return setting_text(value)


def describe_open(setting: OpenSetting) -> str:
    """Return what an open setting must come to: "0.1", "1, 32 or 4,000", "at least 20"."""
    if setting.values:
        texts = [describe_setting(setting.name, each) for each in setting.values]
        return " or ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
    least, most = (
        None if each is None else describe_setting(setting.name, each)
        for each in (setting.least, setting.most)
    )
    if least is None:
        return f"at most {most}"
    return f"at least {least}" if most is None else f"{least} to {most}"


def _result(check: Check, runs: Mapping[str, RunState]) -> CheckResult:
    value = check_value(check, runs)
    if value is None:
        return CheckResult(check)
    return CheckResult(check, value, math.isfinite(value) and check.passes(value))


def check_value(check: Check, runs: Mapping[str, RunState]) -> float | None:
    """Return what a check compares; None where a run or a metric is missing."""
    left = metric_value(check.left, runs)
    if check.right is None or left is None:
        return left
    right = metric_value(check.right, runs)
    if right is None:
        return None
    if check.how == "minus":
        return left - right
    return left / right if right else None


def metric_value(operand: Operand, runs: Mapping[str, RunState]) -> float | None:
    state = runs.get(operand.run)
    return METRICS[operand.metric].value(state) if state and state.started else None


def describe_happened(mission: Mission, runs: Mapping[str, RunState]) -> str:
    """Return the text of what happened, with the figures of these runs."""
    named = {each.name: each for each in mission.checks if each.name}

    def figure(place: str) -> str:
        if check := named.get(place):
            value = check_value(check, runs)
            return "–" if value is None else format_value(check, value)
        run, _, metric = place.partition(".")
        value = metric_value(Operand(run, metric), runs)
        return "–" if value is None else METRICS[metric].format(value)

    return PLACEHOLDER.sub(lambda found: figure(found[1]), mission.happened)


def describe_prediction(mission: Mission, choice: int | None) -> str:
    """Return what was predicted against what is right, in one sentence."""
    question = mission.question
    right = question.choices[question.right]
    if choice is None or not 0 <= choice < len(question.choices):
        return f"You predicted nothing; the answer is: {right}."
    if choice == question.right:
        return f"You predicted: {right}. That was right."
    return f"You predicted: {question.choices[choice]}. The answer is: {right}."


def _advise_again(mission: Mission) -> str:
    has_choice = any(len(each.values) != 1 for run in mission.runs for each in run.open)
    if has_choice:
        return "Train again with another value of the open setting."
    return "Train the runs again with another seed."

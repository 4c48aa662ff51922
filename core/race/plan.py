"""Plan a race: two to four lanes from one changed setting.

No torch here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from core.commands import RaceLane, RacePlan
from core.config import FIELDS, TrainConfig, flag, make_config, parse
from core.data.datasets import resolve_auto
from core.errors import UsageError, printable
from core.models.architectures import ARCHITECTURES
from core.models.layer_kinds import KINDS
from core.models.network_file.named import is_file_spec
from core.models.network_text import format_nodes, parse_network
from core.models.networks import is_meant_as_name, resolve_network
from core.models.saved_networks import find_label

ORDERS = ("samples", "time")
MOST_LANES = 4
MOST_SEEDS = 1000  # race.json names each of their runs, and is read up to 1 MB
LARGEST_SEED = 2**63 - 1
LONGEST_NAME = 24
# Settings that change nothing of what a network learns, or that all lanes share.
SHARED = ("save_every", "keep", "data", "checkpoints")
# Values of which a comma may be a part: only names are separated by commas.
TEXTS = ("arch", "dataset", "routes")


def split_values(name: str, texts: Sequence[str]) -> list[str]:
    """Return the values of a setting, each given by itself or several separated by commas.

    A comma is part of a network's layers, of a folder's name and of routes; so these are separated
    only where all parts are names.
    """
    found: list[str] = []
    for text in texts:
        parts = [part.strip() for part in text.split(",")]
        is_whole = name in SHARED or (name in TEXTS and not _are_names(name, parts))
        found += [text] if is_whole or len(parts) == 1 else parts
    return found


def _are_names(name: str, parts: Sequence[str]) -> bool:
    if name == "routes":
        return False
    if name == "dataset":
        return not any(part.startswith("folder:") for part in parts)
    return all(
        part in ARCHITECTURES
        or (is_file_spec(part) and "(" not in part)
        or (part != "" and is_meant_as_name(part) and not part.isdigit())
        for part in parts
    )


def parse_values(name: str, texts: Sequence[str]) -> list[Any]:
    """Return the values of a setting from texts that a person typed. Raises UsageError."""
    values = split_values(name, texts)
    if "" in values and len(values) > 1:
        raise UsageError(f"{flag(name)} has nothing between two commas: {', '.join(values)!r}")
    if name in ("save_every", "keep") and any("," in text for text in texts):
        _check_values(name, values, 1)
    try:
        return [parse(name, text) for text in values]
    except UsageError as error:
        is_mixed = name == "arch" and any(map(_mixes_names, texts))
        hint = f"; for networks given as layers, repeat {flag(name)}" if is_mixed else ""
        raise UsageError(f"{error}{hint}") from None


def _mixes_names(text: str) -> bool:
    """Return whether a text has names of networks among its layers."""
    parts = [part.strip() for part in text.split(",")]
    has_name = any(part in ARCHITECTURES and part not in KINDS for part in parts)
    return has_name and not _are_names("arch", parts)


def parse_goal(text: str) -> float:
    """Return a test accuracy, 0 to 1, from "0.97" or "97%". Raises UsageError."""
    number = text.strip().removesuffix("%")
    is_percent = number != text.strip()
    try:
        value = float(number) if number.isascii() and "_" not in number else math.nan
    except ValueError:
        value = math.nan
    goal = value / 100 if is_percent else value
    if 0 < goal <= 1:
        return goal
    hint = f"; did you mean {value:g}%?" if not is_percent and 1 < value <= 100 else ""
    what = "must be a test accuracy above 0 and at most 1, such as 0.97 or 97%"
    raise UsageError(f"--to {what}, not {text!r}{hint}")


def parse_seeds(text: str) -> int:
    """Return how often each lane is trained. Raises UsageError."""
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST_SEEDS:
        return int(text)
    raise UsageError(f"--seeds must be a whole number, 1 to {MOST_SEEDS:,}, not {text!r}")


def plan_race(
    base: Mapping[str, Any],
    values: Mapping[str, Sequence[Any]],
    *,
    by: str = "samples",
    seeds: int = 1,
    goal: float | None = None,
) -> RacePlan:
    """Return a race between lanes that differ in one setting.

    `base` are settings as make_config takes them, such as all of a TrainConfig; `values` are those
    of the lanes, of which one setting has several. Raises UsageError that says how.
    """
    if by not in ORDERS:
        raise UsageError(f"--by must be {' or '.join(ORDERS)}, not {by!r}")
    several = {name: each for name, each in values.items() if len(each) > 1}
    shared = dict(base) | {name: each[0] for name, each in values.items() if len(each) == 1}
    if not several:
        raise UsageError(
            "a race needs two to four lanes: give one setting several values, as in "
            "--lr 0.1,0.01,0.001 or --arch linear,mlp,quick; repeat --arch for networks that "
            "are given as layers"
        )
    if len(several) > 1:
        flags = " and ".join(map(flag, several))
        raise UsageError(
            f"only one setting of a race can have several values, not {flags}: with one change at "
            "a time you see what made the difference"
        )
    (name,) = several
    _check_values(name, several[name], seeds)
    configs = [make_config(**shared | {name: value}) for value in several[name]]
    _check_seeds(configs, seeds)
    names = _lane_names(name, configs, several[name])
    _check_differences(configs, several[name])
    lanes = tuple(map(RaceLane, names, configs))
    return RacePlan(lanes, _changed(name, configs), by, seeds, goal)


def _check_values(name: str, values: Sequence[Any], seeds: int) -> None:
    if name in SHARED:
        raise UsageError(f"{flag(name)} is the same for all lanes of a race: give it one value")
    if len(values) > MOST_LANES:
        shown = f"{len(values)} values of {flag(name)}"
        raise UsageError(f"a race has at most {MOST_LANES} lanes, not {len(values)} ({shown})")
    if name == "seed" and seeds > 1:
        raise UsageError(
            "--seeds trains each lane with several seeds, so --seed can have only one value: the "
            "first of them"
        )
    if name == "arch":
        check_files(values)


def check_files(specs: Sequence[str]) -> None:
    """Raise UsageError where several of these networks are code in files."""
    files = {each for each in specs if is_file_spec(each)}
    if len(files) > 1:
        raise UsageError("a race can have one network from a file: the others by name or as text")


def _check_seeds(configs: Sequence[TrainConfig], seeds: int) -> None:
    if not 1 <= seeds <= MOST_SEEDS:
        raise UsageError(f"--seeds must be a whole number, 1 to {MOST_SEEDS:,}, not {seeds}")
    first = max(config.seed for config in configs)
    if first > LARGEST_SEED - (seeds - 1):
        most = LARGEST_SEED - (seeds - 1)
        raise UsageError(f"--seed must be at most {most} with --seeds {seeds}, not {first}")


def _check_differences(configs: Sequence[TrainConfig], values: Sequence[Any]) -> None:
    """Raise UsageError for lanes that train the same."""
    seen: dict[tuple[object, ...], int] = {}
    for number, config in enumerate(configs):
        first = seen.setdefault(_what_trains(config), number)
        if first != number:
            which = f"lanes {first + 1} and {number + 1} differ in nothing"
            what = " and ".join(dict.fromkeys(printable(str(values[n])) for n in (first, number)))
            raise UsageError(f"{which} ({what}): each lane needs a value of its own")


def _what_trains(config: TrainConfig) -> tuple[object, ...]:
    """Return a key that two configs share if their runs are the same."""
    chosen = asdict(config)
    for name in ("preset", *SHARED):
        del chosen[name]
    chosen |= {"arch": network_key(config), "dataset": resolve_auto(config.dataset)}
    return tuple(chosen.values())


def network_key(config: TrainConfig) -> str:
    """Return a text that identifies a network without its number of outputs."""
    return resolve_network(config.arch).text


def _changed(name: str, configs: Sequence[TrainConfig]) -> tuple[str, ...]:
    """Return the settings in which configs differ; a preset changes several."""
    if name != "preset":
        return (name,)
    different = [each for each in FIELDS if len({getattr(c, each) for c in configs}) > 1]
    return ("preset", *(each for each in different if each != "preset"))


# Names of lanes


def _lane_names(name: str, configs: Sequence[TrainConfig], values: Sequence[Any]) -> list[str]:
    """Return short names, each another one where the values are."""
    if name == "arch":
        names = _network_names([config.arch for config in configs])
    else:
        values = [getattr(config, name) for config in configs]
        names = [_value_name(name, value) for value in values]
        if len(set(names)) < len(set(values)):  # numbers with many digits
            names = [
                label_value(name, value if isinstance(value, str) else repr(value))
                for value in values
            ]
    names = [_shorten(printable(each)) for each in names]
    doubled = {each for each, count in Counter(names).items() if count > 1}
    return [
        f"{_shorten(each, LONGEST_NAME - 4)} ({number})" if each in doubled else each
        for number, each in enumerate(names, 1)
    ]


def _value_name(name: str, value: Any) -> str:
    return label_value(name, f"{value:g}" if isinstance(value, float) else str(value))


def label_value(name: str, text: str) -> str:
    """Return a value as a person would call it: names alone, numbers with what they are."""
    return prefix_of(name) + text


def prefix_of(name: str) -> str:
    """Return what the names of lanes begin with that differ in a setting: "lr "."""
    if name not in FIELDS:  # in an edited race.json, or one by a later version
        return ""
    is_name = FIELDS[name].metadata["choices"] or name in ("device", "routes")
    return "" if is_name else flag(name).removeprefix("--").replace("-", " ") + " "


def _network_names(specs: Sequence[str]) -> list[str]:
    """Return the names of networks; of those without one the layers that the others lack."""
    labels = [find_label(spec) for spec in specs]
    unnamed = [spec for spec, label in zip(specs, labels, strict=True) if label == "custom"]
    layers = {spec: [format_nodes([node]) for node in parse_network(spec)] for spec in unnamed}
    rows = [*layers.values()]
    shortest = min(map(len, rows), default=0)
    start = _count_equal(rows, shortest)
    end = _count_equal([row[::-1] for row in rows], shortest - start)
    names = []
    for spec, label in zip(specs, labels, strict=True):
        own = layers.get(spec, [])
        differing = own[start : len(own) - end] if len(rows) > 1 else own
        names.append((", ".join(differing or own)) if own else label)
    return names


def _count_equal(rows: Sequence[Sequence[str]], most: int) -> int:
    """Return how many entries all rows begin with, at most so many."""
    at = 0
    while at < most and len({row[at] for row in rows}) == 1:
        at += 1
    return at


def _shorten(text: str, width: int = LONGEST_NAME) -> str:
    """Return a name in at most so many characters; of a network's layers those that fit."""
    if len(text) <= width:
        return text
    whole, _, rest = text[:width].rpartition(", ")
    return f"{whole}, …" if rest and 0 < len(whole) <= width - 3 else f"{text[: width - 1]}…"

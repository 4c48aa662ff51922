"""Kinds of settings: fields of a dataclass that carry their help, metavar and allowed values."""

from collections.abc import Callable, Collection
from dataclasses import field
from math import inf
from typing import Any


def option(
    default: Any,
    help: str,
    *,
    metavar: str = "X",
    allowed: str = "",
    check: Callable[[Any], bool] | None = None,
    problem: Callable[[Any], str | None] | None = None,
    choices: Collection[str] = (),
    flag: str | None = None,
) -> Any:
    """Return a dataclass field for one setting.

    `help` is a noun phrase without the default; `metavar` stands for the value on the command
    line; `allowed` continues the words "must be" and describes what `check` accepts; `choices` are
    the values of a setting that has a list of them; `problem`, in place of both, returns why a
    value is not allowed, in words that continue the option's name, or None; `flag` is the
    command-line option where it is not the field's name.
    """
    texts = {"help": help, "metavar": metavar, "allowed": allowed, "flag": flag}
    checks = {"check": check, "choices": choices, "problem": problem}
    return field(default=default, metadata=texts | checks)


def choice(default: str, help: str, choices: Collection[str]) -> Any:
    """Return a field whose value is one of the choices."""
    return option(default, help, metavar="NAME", choices=choices)


def directory(default: str | None, help: str) -> Any:
    """Return a field for a folder; None is allowed where it is the default."""

    def check(value: Any) -> bool:
        return (isinstance(value, str) and value != "") or value is default is None

    return option(default, help, metavar="DIR", allowed="a folder", check=check)


def whole_number(default: int, help: str, low: int, high: int) -> Any:
    """Return a field for an integer from low to high, both included."""

    def check(value: Any) -> bool:
        return type(value) is int and low <= value <= high

    allowed = f"a whole number, {low} to {high:,}"
    return option(default, help, metavar="N", allowed=allowed, check=check)


def number(
    default: float, help: str, allowed: str, with_zero: bool = True, below: float = inf, **rest: Any
) -> Any:
    """Return a field for a number from 0, itself allowed `with_zero`, to less than `below`; `rest`
    are other arguments of `option`."""

    def check(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and 0 <= value < below and (with_zero or value > 0)

    return option(default, help, allowed=allowed, check=check, **rest)

"""Kinds of settings: fields of a dataclass that carry their help, metavar and allowed values."""

from collections.abc import Callable
from dataclasses import field
from math import inf
from typing import Any

Check = Callable[[Any], bool]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def option(
    default: Any,
    help: str,
    *,
    metavar: str,
    allowed: str = "",
    check: Check | None = None,
    choices: Callable[[], list[str]] | None = None,
    flag: str | None = None,
    why: str = "",
) -> Any:
    """Return a dataclass field for one setting.

    `help` is a noun phrase without the default; `metavar` stands for the value on the command
    line; `allowed` continues the words "must be" and describes what `check` accepts; `choices`
    lists the values of a setting that has a list of them; `flag` is the command-line option where
    it is not the field's name; `why` tells a beginner what the setting changes, and when to
    change it.
    """
    texts = {"help": help, "metavar": metavar, "allowed": allowed, "flag": flag, "why": why}
    return field(default=default, metadata=texts | {"check": check, "choices": choices})


def choice(default: str, help: str, choices: Callable[[], list[str]], *, why: str) -> Any:
    """Return a field whose value is one of the choices."""
    return option(default, help, metavar="NAME", choices=choices, why=why)


def directory(default: str | None, help: str) -> Any:
    """Return a field for a folder; None is allowed where it is the default."""

    def check(value: Any) -> bool:
        return (isinstance(value, str) and value != "") or value is default is None

    return option(default, help, metavar="DIR", allowed="a folder", check=check)


def whole_number(default: int, help: str, low: int, high: int, *, why: str) -> Any:
    """Return a field for an integer from low to high, both included."""

    def check(value: Any) -> bool:
        return type(value) is int and low <= value <= high

    allowed = f"a whole number, {low} to {high:,}"
    return option(default, help, metavar="N", allowed=allowed, check=check, why=why)


def fraction(default: float, help: str, *, why: str) -> Any:
    """Return a field for a number from 0 to below 1."""

    def check(value: Any) -> bool:
        return is_number(value) and 0 <= value < 1

    allowed = "a number from 0 to below 1"
    return option(default, help, metavar="X", allowed=allowed, check=check, why=why)


def is_positive(value: Any) -> bool:
    """Return whether the value is a finite number above 0; NaN is not."""
    return is_number(value) and 0 < value < inf

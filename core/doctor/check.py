"""One check of a machine: what was found, whether that is a problem, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Check:
    """The result of a check. A machine with warnings can train well; one with a problem cannot.

    `figures` are for programs that read `doctor --json`, which prints all fields by these names.
    """

    group: str  # the heading that it is printed under
    name: str
    verdict: str  # OK, WARNING or PROBLEM
    what: str  # what was found
    advice: str = ""  # empty if there is nothing to do
    figures: Mapping[str, Any] = field(default_factory=dict)

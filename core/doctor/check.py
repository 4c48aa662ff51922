"""What an examination of a machine finds, one thing at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OK, WARNING, PROBLEM = VERDICTS = ("ok", "warning", "problem")


@dataclass(frozen=True)
class Check:
    """A warning does not keep the machine from training well; a problem does. `figures` are for
    programs that read it; what matters of them to a person is in `what`."""

    group: str  # the heading that it belongs under
    name: str
    verdict: str  # one of VERDICTS
    what: str  # what there is, or what is wrong
    advice: str = ""  # what to do about it; empty where there is nothing to do
    figures: Mapping[str, Any] = field(default_factory=dict)


def is_sound(checks: list[Check]) -> bool:
    return all(each.verdict != PROBLEM for each in checks)

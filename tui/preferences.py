"""Display preferences, remembered between sessions. None of them affects training."""

import json
import locale
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import explain
from core.files import replacing
from core.user import config_folder

# A softmax temperature above 1 makes more than one bar visible.
TEMPERATURES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
CHARTS = ("loss", "accuracy", "rate", "gradient", "speed")
X_AXES = ("epoch", "step", "time")
# The share of the run that a chart shows, counted from the run's end.
ZOOMS = (1.0, 0.25, 0.05)
CHOICES: dict[str, tuple[Any, ...]] = {
    "ascii": (False, True),
    "chart": CHARTS,
    "several": ("fitting", "one", "all"),  # as many as fit well, the selected chart alone, or all
    "log_scale": (False, True),
    "smoothing": (0.0, 0.6, 0.9, 0.98),
    "x_axis": X_AXES,
    "marks": (False, True),
    "machine": (False, True),
    "temperature": TEMPERATURES,
    # Greys are drawn as the ramp where there are fewer than 256 colours, and on a slow link.
    "digit_style": ("grey", "ramp", "half-block", "braille"),
    "all_classes": (False, True),
    "slow_link": (False, True),
    "zoom": ZOOMS,
}
UNSAVED = ("slow", "zoom", "cursor")


@dataclass(frozen=True)
class Preferences:
    theme: str = "textual-dark"
    ascii: bool = False  # for fonts without braille and block characters
    chart: str = "loss"
    several: str = "fitting"  # how many charts are shown at once
    log_scale: bool = False
    smoothing: float = 0.6
    x_axis: str = "epoch"
    marks: bool = False  # whether charts mark saved checkpoints
    machine: bool = False  # in a small window: CPU, memory and GPU usage replace the commentary
    all_classes: bool = False  # whether digits show all classes, not the three most likely
    temperature: float = 3.0
    digit_style: str = "grey"
    slow_link: bool = False  # whether the app starts in slow-link mode
    # The fields below are not saved.
    slow: bool = False  # whether slow-link mode is on now
    zoom: float = 1.0
    cursor: float | None = None  # position of the chart's cursor, as a share of the chart's width

    def step(self, name: str, by: int) -> Any:
        """Return the choice for a field that is `by` places after its present one."""
        choices = CHOICES[name]
        place = choices.index(getattr(self, name)) + by
        return choices[max(0, min(place, len(choices) - 1))]

    def cycle(self, name: str, by: int) -> Any:
        """Return the same as `step`, but the first choice follows the last one."""
        choices = CHOICES[name]
        return choices[(choices.index(getattr(self, name)) + by) % len(choices)]


def saved_fields(preferences: Preferences) -> dict[str, Any]:
    """Return the fields that are written to the preferences file."""
    # Where the locale forces ASCII, `ascii` is not the user's choice.
    unsaved = UNSAVED if takes_unicode() else (*UNSAVED, "ascii")
    return {name: value for name, value in asdict(preferences).items() if name not in unsaved}


def takes_unicode() -> bool:
    """Return whether the locale's encoding is UTF-8, so that the terminal shows more than ASCII."""
    return locale.getencoding().lower().replace("-", "") == "utf8"


def preferences_file() -> Path:
    name = "settings.json"  # as in earlier versions, so that it is found again
    return config_folder(name) / name


def load_preferences() -> tuple[Preferences, str | None]:
    """Return the saved preferences, and a message if the file could not be read.

    Unknown names and values that are not among the choices are ignored.
    """
    path, problem = preferences_file(), None
    stored: Iterable[tuple[str, Any]] = ()
    try:
        stored = json.loads(path.read_text(encoding="utf-8")).items()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        problem = f"Cannot read the preferences in {path} ({explain(error)})."
    except (ValueError, AttributeError, RecursionError):  # of JSON, but not an object: no items
        problem = f"The preferences in {path} are damaged. The defaults are used."
    valid = {name: value for name, value in _updated(dict(stored)) if _is_valid(name, value)}
    preferences = Preferences(**valid)
    return preferences if takes_unicode() else replace(preferences, ascii=True), problem


def _updated(stored: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """Return what a file stores, with the default of earlier versions replaced by today's.

    They wrote all fields, so their digit style "ramp" is hardly a choice; they had no field
    "all_classes".
    """
    if stored.get("digit_style") == "ramp" and "all_classes" not in stored:
        stored["digit_style"] = "grey"
    return stored.items()


def _is_valid(name: str, value: Any) -> bool:
    if name == "theme":
        return isinstance(value, str)
    choices = () if name in UNSAVED else CHOICES.get(name, ())
    # 1 == True in Python: accept a boolean only where a boolean is expected.
    return value in choices and isinstance(value, bool) == isinstance(choices[0], bool)


def save_preferences(preferences: Preferences) -> str | None:
    """Write the preferences file. Return the reason if that fails."""
    path = preferences_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as file:
            file.write(json.dumps(saved_fields(preferences), indent=2).encode() + b"\n")
    except OSError as error:
        return f"Cannot save the preferences in {path} ({explain(error)})."
    return None

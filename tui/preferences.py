"""How a person wants to see things; nothing of it touches the run. Remembered between sessions."""

import json
import locale
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from core.errors import explain
from core.files import replacing

SMOOTHINGS = (0.0, 0.6, 0.9, 0.98)
# The article raises the softmax temperature so that more than one bar shows.
TEMPERATURES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
# As many charts as fit well, the chosen one alone, or all of them.
SEVERAL = ("fitting", "one", "all")
CHARTS = ("loss", "accuracy", "rate", "gradient", "speed")
X_AXES = ("epoch", "step", "time")
DIGIT_STYLES = ("ramp", "half-block", "braille")
# What part of the run a chart shows: all of it, or so much at its end.
ZOOMS = (1.0, 0.25, 0.05)


@dataclass(frozen=True)
class Settings:
    theme: str = "textual-dark"
    ascii: bool = False  # for fonts that have no braille and no blocks
    chart: str = "loss"
    several: str = "fitting"  # how many charts at once
    log_scale: bool = False
    smoothing: float = 0.6
    x_axis: str = "epoch"
    machine: bool = False  # in a small window: its figures instead of the sentences
    temperature: float = 3.0
    digit_style: str = "ramp"
    slow_link: bool = False  # whether the app starts so
    # What follows is of the moment, and not remembered.
    slow: bool = False  # whether the line to the terminal is treated as a slow one now
    zoom: float = 1.0
    cursor: float | None = None  # where values are read off, as a share of the chart's width

    def next(self, name: str, values: tuple[Any, ...], by: int = 1) -> "Settings":
        """With the value after this one, round and round."""
        place = values.index(getattr(self, name)) + by
        return replace(self, **{name: values[place % len(values)]})

    def with_temperature(self, steps: int) -> "Settings":
        """So many steps warmer, or colder."""
        place = TEMPERATURES.index(self.temperature) + steps
        return replace(self, temperature=TEMPERATURES[max(0, min(place, len(TEMPERATURES) - 1))])


MOMENTARY = ("slow", "zoom", "cursor")
CHOICES: dict[str, tuple[Any, ...]] = {
    "ascii": (False, True),
    "chart": CHARTS,
    "several": SEVERAL,
    "log_scale": (False, True),
    "smoothing": SMOOTHINGS,
    "x_axis": X_AXES,
    "machine": (False, True),
    "temperature": TEMPERATURES,
    "digit_style": DIGIT_STYLES,
    "slow_link": (False, True),
}


def remembered(settings: Settings) -> dict[str, Any]:
    # Plain ASCII that a terminal asks for is no wish of the person's.
    momentary = MOMENTARY if takes_unicode() else (*MOMENTARY, "ascii")
    return {name: value for name, value in asdict(settings).items() if name not in momentary}


def takes_unicode() -> bool:
    """Whether the terminal, by the locale's encoding, has more characters than those of ASCII."""
    return locale.getencoding().lower().replace("-", "") == "utf8"


def settings_file() -> Path:
    return user_config_path("mnist-tui", appauthor=False) / "settings.json"


def load_settings() -> tuple[Settings, str | None]:
    """What was remembered, and what a person should know where it could not be read. A value that
    is not, or no longer, one of the choices is passed over.
    """
    settings, said = _load()
    return (settings if takes_unicode() else replace(settings, ascii=True)), said


def _load() -> tuple[Settings, str | None]:
    path = settings_file()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            raise ValueError("is no table")
    except FileNotFoundError:
        return Settings(), None
    except OSError as error:
        return Settings(), f"the settings in {path} cannot be read ({explain(error)})"
    except (ValueError, RecursionError):
        return Settings(), f"the settings in {path} are damaged: they are as at first now"
    known = {each.name for each in fields(Settings)} - set(MOMENTARY)
    fitting = {
        name: value for name, value in stored.items() if name in known and _fits(name, value)
    }
    return Settings(**fitting), None


def _fits(name: str, value: Any) -> bool:
    if name not in CHOICES:
        return isinstance(value, str)
    # In JSON and here 1, 1.0 and true are equal; only the first two mean the same.
    return value in CHOICES[name] and isinstance(value, bool) == isinstance(CHOICES[name][0], bool)


def save_settings(settings: Settings) -> str | None:
    """Why they could not be kept, if so."""
    path = settings_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as file:
            file.write(json.dumps(remembered(settings), indent=2).encode() + b"\n")
    except OSError as error:
        return f"the settings cannot be kept in {path} ({explain(error)})"
    return None

"""What a run changed from the default settings, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.config import FIELDS, PRESETS
from core.data.record import KEYS
from tui.text.formats import printable, truncate

# Shown by other means, or no part of the training: where it was stored, and on which device.
LEFT_OUT = ("arch", "dataset", "device", "data", "checkpoints", "preset", *KEYS)
SHORT = {"learning_rate": "rate", "batch_size": "batch", "weight_decay": "decay"}
DEFAULT_PRESET = FIELDS["preset"].default
LONGEST = 40


def changed_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that differ from the default, or from that of the preset which is named
    first: each a short name and its value. `config` may come from any file."""
    preset = config.get("preset", DEFAULT_PRESET)
    known = PRESETS.get(preset) if isinstance(preset, str) else None
    is_named = known is not None and preset != DEFAULT_PRESET
    found = {"preset": str(preset)} if is_named else {}
    for name, value in config.items():
        default = (known or {}).get(name, FIELDS[name].default if name in FIELDS else None)
        if name not in LEFT_OUT and value != default:
            found[_name(name)] = setting_text(value)
    return found


def setting_text(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return printable(truncate(text, LONGEST))


def _name(name: str) -> str:
    return SHORT.get(name) or printable(truncate(name.replace("_", " "), LONGEST))

"""The keys of a mission's panel, in the Train view."""

from textual.binding import Binding

MISSION_KEYS = (
    Binding("f2", "mission('hint')", "Hint", show=False),
    Binding("f4", "mission('expand')", "Mission panel", show=False),
    Binding("pageup", "mission('up')", show=False),
    Binding("pagedown", "mission('down')", show=False),
)

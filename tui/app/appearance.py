"""How the app is seen: remembered preferences, themes, and what is done to all that is drawn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from textual.filter import LineFilter
from textual.reactive import var

from tui import preferences as remembering
from tui.app.slow_link import Linked
from tui.preferences import Preferences
from tui.text.ascii import AsciiFilter
from tui.text.themes import OWN_COLOURS, THEMES, ColourlessFilter, theme_variables

# How long a view that is gone to may take to put itself together before it is shown.
VIEW_SECONDS = 0.005


class Looking(Linked):
    """The part of the app that touches no run."""

    preferences: var[Preferences] = var(Preferences, init=False)

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        preferences = replace(preferences, slow=preferences.slow or preferences.slow_link)
        self.set_reactive(Looking.preferences, preferences)
        self._may_turn_slow = True  # by itself
        self.set_slow_link(preferences.slow)
        self._forced_theme = False
        self._in_ascii, self._colourless = AsciiFilter(), ColourlessFilter()
        for name in set(self.available_themes) - {*THEMES, *OWN_COLOURS}:
            self.unregister_theme(name)

    def change_preferences(self, **changes: Any) -> None:
        self.preferences = replace(self.preferences, **changes)

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if remembering.saved_fields(before) != remembering.saved_fields(after):
            problem = remembering.save_preferences(after)
            if problem:
                self.notify(problem, markup=False)
        if before.ascii != after.ascii:
            self.screen.refresh()  # the others are drawn anew when they come to the front
        if before.slow != after.slow:
            self.set_slow_link(after.slow)

    def choose_theme(self) -> None:
        """The one that is remembered; where there are no colours, or the terminal's own 16 alone,
        one that is made of them: others come out there as whatever is nearest."""
        few = not self.is_headless and self.console.color_system in (None, "standard")
        plain = self.no_color or few
        wanted = OWN_COLOURS if plain else (self.preferences.theme,)
        chosen = next((name for name in wanted if name in self.available_themes), self.theme)
        self._forced_theme = plain and chosen != self.theme
        self.theme = chosen

    def watch_theme(self, theme: str) -> None:
        if self._forced_theme:  # no wish of the person's; the next one is
            self._forced_theme = False
        else:
            self.change_preferences(theme=theme)

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        self.theme_variables = variables | theme_variables(self.current_theme, variables)
        return self.theme_variables

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is done to all that is drawn, last of all."""
        filters = [self._colourless] if self.no_color else list(super().get_line_filters())
        return [*filters, self._in_ascii] if self.preferences.ascii else filters

    def action_chart(self, by: int) -> None:
        self.preferences = self.preferences.next("chart", remembering.CHARTS, by)

    def action_several(self) -> None:
        self.preferences = self.preferences.next("several", remembering.SEVERAL)

    def action_log_scale(self) -> None:
        self.change_preferences(log_scale=not self.preferences.log_scale)

    def action_smoothing(self) -> None:
        self.preferences = self.preferences.next("smoothing", remembering.SMOOTHINGS)

    def action_x_axis(self) -> None:
        self.preferences = self.preferences.next("x_axis", remembering.X_AXES)

    def action_zoom(self) -> None:
        self.preferences = self.preferences.next("zoom", remembering.ZOOMS)

    def action_machine(self) -> None:
        self.change_preferences(machine=not self.preferences.machine)

    def action_temperature(self, steps: int) -> None:
        self.preferences = self.preferences.with_temperature(steps)

    def action_digit_style(self) -> None:
        self.preferences = self.preferences.next("digit_style", remembering.DIGIT_STYLES)

    def action_ascii(self) -> None:
        self.change_preferences(ascii=not self.preferences.ascii)

    def action_slow_link(self) -> None:
        slow = not self.preferences.slow
        self._may_turn_slow = False
        self.change_preferences(slow=slow, slow_link=slow)
        self.notify(f"Slow link {'on: at most 1 KB a second' if slow else 'off'}.")

    def falls_behind(self) -> None:
        if self._may_turn_slow:
            self.change_preferences(slow=True)
            self.notify(
                "What is written to the terminal comes late, so slow link is on: at most 1 KB a "
                "second, figures first. To switch it off: ctrl+p, Slow link.",
                timeout=15,
            )

    def action_theme(self) -> None:
        self.action_change_theme()

    def delay_update(self, delay: float = 0.05) -> None:
        """textual holds a new view back for so long; a key is to be answered sooner."""
        super().delay_update(min(delay, VIEW_SECONDS))

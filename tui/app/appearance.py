"""How the app is seen: remembered settings, themes, and what is done to all that is drawn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from textual.filter import LineFilter
from textual.reactive import var

from tui import preferences as remembering
from tui.app.slow_link import Linked
from tui.preferences import Settings
from tui.text.ascii import Ascii
from tui.text.themes import OWN_COLOURS, THEMES, Colourless, theme_variables

# How long a view that is gone to may take to put itself together before it is shown.
VIEW_SECONDS = 0.005


class Looking(Linked):
    """The part of the app that touches no run."""

    settings: var[Settings] = var(Settings, init=False)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        settings = replace(settings, slow=settings.slow or settings.slow_link)
        self.set_reactive(Looking.settings, settings)
        self._may_turn_slow = True  # by itself
        self.set_slow_link(settings.slow)
        self._forced_theme = False
        self._in_ascii, self._colourless = Ascii(), Colourless()
        for name in set(self.available_themes) - {*THEMES, *OWN_COLOURS}:
            self.unregister_theme(name)

    def change_settings(self, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)

    def watch_settings(self, before: Settings, after: Settings) -> None:
        if remembering.remembered(before) != remembering.remembered(after):
            problem = remembering.save_settings(after)
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
        wanted = OWN_COLOURS if plain else (self.settings.theme,)
        chosen = next((name for name in wanted if name in self.available_themes), self.theme)
        self._forced_theme = plain and chosen != self.theme
        self.theme = chosen

    def watch_theme(self, theme: str) -> None:
        if self._forced_theme:  # no wish of the person's; the next one is
            self._forced_theme = False
        else:
            self.change_settings(theme=theme)

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        self.theme_variables = variables | theme_variables(self.current_theme, variables)
        return self.theme_variables

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is done to all that is drawn, last of all."""
        filters = [self._colourless] if self.no_color else list(super().get_line_filters())
        return [*filters, self._in_ascii] if self.settings.ascii else filters

    def action_chart(self, by: int) -> None:
        self.settings = self.settings.next("chart", remembering.CHARTS, by)

    def action_several(self) -> None:
        self.settings = self.settings.next("several", remembering.SEVERAL)

    def action_log_scale(self) -> None:
        self.change_settings(log_scale=not self.settings.log_scale)

    def action_smoothing(self) -> None:
        self.settings = self.settings.next("smoothing", remembering.SMOOTHINGS)

    def action_x_axis(self) -> None:
        self.settings = self.settings.next("x_axis", remembering.X_AXES)

    def action_zoom(self) -> None:
        self.settings = self.settings.next("zoom", remembering.ZOOMS)

    def action_machine(self) -> None:
        self.change_settings(machine=not self.settings.machine)

    def action_temperature(self, steps: int) -> None:
        self.settings = self.settings.with_temperature(steps)

    def action_digit_style(self) -> None:
        self.settings = self.settings.next("digit_style", remembering.DIGIT_STYLES)

    def action_ascii(self) -> None:
        self.change_settings(ascii=not self.settings.ascii)

    def action_slow_link(self) -> None:
        slow = not self.settings.slow
        self._may_turn_slow = False
        self.change_settings(slow=slow, slow_link=slow)
        self.notify(f"Slow link {'on: at most 1 KB a second' if slow else 'off'}.")

    def falls_behind(self) -> None:
        if self._may_turn_slow:
            self.change_settings(slow=True)
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

"""What the app looks like: preferences, themes, and filters for the terminal's abilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.filter import LineFilter

from tui.charts.series import next_chart
from tui.preferences import Preferences, save_preferences, saved_fields
from tui.text.ascii import AsciiFilter
from tui.text.themes import OWN_COLOURS, THEMES, ColourlessFilter

if TYPE_CHECKING:
    from tui.app.app import MnistApp


class Appearance:
    """Applies the preferences to the app."""

    def __init__(self, app: MnistApp) -> None:
        self._app = app
        self._can_switch_slow_link = True  # without the user
        self._is_theme_forced = False
        self._has_unsaved = False  # preferences
        self._ascii, self._colourless = AsciiFilter(), ColourlessFilter()
        for name in set(app.available_themes) - {*THEMES, *OWN_COLOURS}:
            app.unregister_theme(name)

    def cycle(self, name: str, by: int) -> None:
        """Give a preference the next of its values."""
        if name == "slow_link":
            self._toggle_slow_link()
            return
        preferences = self._app.preferences
        if name == "chart":
            chart = next_chart(preferences.chart, self._app.run_state, by)
            self._app.change_preferences(chart=chart)
            return
        following = preferences.step if name == "temperature" else preferences.cycle
        self._app.change_preferences(**{name: following(name, by)})

    def changed(self, before: Preferences, after: Preferences) -> None:
        """Apply changed preferences, and save them once the screen shows them."""
        app = self._app
        if saved_fields(before) != saved_fields(after) and not self._has_unsaved:
            self._has_unsaved = True
            app.call_after_refresh(self.save)
        if before.ascii != after.ascii:
            app.screen.refresh()  # other screens are redrawn when they come to the front
        if before.slow != after.slow:
            app.slow_link.set_slow(after.slow)

    def save(self) -> None:
        """Write the preferences file, if they have changed."""
        if not self._has_unsaved:
            return
        self._has_unsaved = False
        if problem := save_preferences(self._app.preferences):
            self._app.notify(problem, markup=False)

    def _toggle_slow_link(self) -> None:
        slow = not self._app.preferences.slow
        self._can_switch_slow_link = False
        self._app.change_preferences(slow=slow, slow_link=slow)
        self._app.notify(f"Slow link is {'on: at most 1 KB a second' if slow else 'off'}.")

    def switch_slow_link_on(self) -> None:
        """For a connection on which output arrives late; not if the user has switched it."""
        if self._can_switch_slow_link:
            self._app.change_preferences(slow=True)
            self._app.notify(
                "Slow link is on, since output reaches the terminal late: at most 1 KB a second, "
                "text before charts. To switch it off, press ctrl+p and select Slow link.",
                timeout=15,
            )

    def choose_theme(self) -> None:
        """Select the preferred theme. A terminal with 16 colours or none gets a theme made of its
        own colours: the nearest of 16 would be used for all others."""
        app = self._app
        has_few = not app.is_headless and app.console.color_system in (None, "standard")
        is_plain = app.no_color or has_few
        names = OWN_COLOURS if is_plain else (app.preferences.theme,)
        chosen = next((name for name in names if name in app.available_themes), app.theme)
        self._is_theme_forced = is_plain and chosen != app.theme
        app.theme = chosen

    def theme_changed(self, theme: str) -> None:
        """Remember a theme that the user has selected."""
        if self._is_theme_forced:
            self._is_theme_forced = False
        else:
            self._app.change_preferences(theme=theme)

    def line_filters(self, textual: Sequence[LineFilter]) -> Sequence[LineFilter]:
        """Return the filters of all that is drawn; `textual` are those it would use."""
        filters = [self._colourless] if self._app.no_color else [*textual]
        return [*filters, self._ascii] if self._app.preferences.ascii else filters

"""The last line of a view: the keys that do something now, each of them clickable."""

from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

# Actions that stay where not all fit.
LAST = ("open('help')", "quit")


class KeyFooter(Static):
    """Textual's Footer in one widget instead of one for each key.

    So a view opens in half the time.
    """

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self.draw()

    def _changed(self, screen: Screen) -> None:
        if self.is_attached and screen is self.screen:
            self.draw()

    def draw(self) -> None:
        # An action may have several keys: the first stands for them.
        shown = {
            binding.action: binding
            for _, binding, enabled, _ in reversed(self.screen.active_bindings.values())
            if binding.show and enabled
        }
        entries = [
            (self._entry(binding), action.removeprefix("app.") in LAST)
            for action, binding in reversed(shown.items())
        ]
        room = self.size.width - sum(entry.cell_length for entry, last in entries if last)
        line = Content("")
        for entry, last in entries:
            room -= 0 if last else entry.cell_length
            if last or room >= 0:
                line += entry
        self.update(line, layout=False)

    on_resize = draw

    def _entry(self, binding: Binding) -> Content:
        key = (self.app.get_key_display(binding), "bold $footer-key-foreground")
        entry = Content.assemble(" ", key, f" {binding.description} ")
        return entry.stylize(f"@click=app.simulate_key('{binding.key}')")

"""The last line: the keys that do something now. Each can be clicked."""

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

# These stay where there is no room for all.
LAST = ("app.help", "app.quit", "help", "quit")


class KeyBar(Static):
    """As textual's Footer, in one widget instead of one a key: a view is there in half the time."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def _changed(self, screen: Screen) -> None:
        if self.is_attached and screen is self.screen:
            self.draw()

    def draw(self) -> None:
        shown = [
            (binding.key, self.app.get_key_display(binding), binding.description, binding.action)
            for _, binding, enabled, _ in self.screen.active_bindings.values()
            if binding.show and enabled
        ]
        entries = [(_entry(*each[:3]), each[3] in LAST) for each in shown]
        room = self.size.width - sum(entry.cell_length for entry, last in entries if last)
        line = Content("")
        for entry, last in entries:
            room -= 0 if last else entry.cell_length
            if last or room >= 0:
                line += entry
        self.update(line, layout=False)


def _entry(key: str, shown: str, label: str) -> Content:
    entry = Content.assemble(" ", (shown, "bold $footer-key-foreground"), f" {label} ")
    return entry.stylize(f"@click=app.simulate_key('{key.split(',')[0]}')")

"""The last line of a view: the keys that matter now, each of them clickable."""

from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

MOST = 6  # keys, without that of the command palette
# Actions that are shown first, and that stay where not all fit.
FIRST, LAST = ("run('start')", "run('pause')", "run('resume')"), "open('help')"
PALETTE = "ctrl+p"


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
            binding.action.removeprefix("app."): binding
            for _, binding, enabled, _ in reversed(self.screen.active_bindings.values())
            if binding.show and enabled
        }
        # The keys of the view come before those of the app.
        entries = {action: self._entry(shown[action]) for action in reversed(shown)}
        last = [entries.pop(LAST)] if LAST in entries else []
        last.append(self._write("^p", "Commands", PALETTE))
        first = [entries.pop(action) for action in FIRST if action in entries]
        room = self.size.width - sum(entry.cell_length for entry in last)
        line = Content("")
        for entry in [*first, *entries.values()][: MOST - len(last) + 1]:
            room -= entry.cell_length
            line += entry if room >= 0 else ""
        self.update(line + Content("").join(last), layout=False)

    on_resize = draw

    def _entry(self, binding: Binding) -> Content:
        shown = self.app.get_key_display(binding).replace("⏎", "enter")  # as the help names it
        return self._write(shown, binding.description, binding.key)

    def _write(self, shown: str, label: str, key: str) -> Content:
        entry = Content.assemble(" ", (shown, "bold $footer-key-foreground"), f" {label} ")
        return entry.stylize(f"@click=app.simulate_key('{key}')")

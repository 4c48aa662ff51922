"""The first line of a view: the names of the views, and the state of the run."""

from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from tui.state.run_state import RunState

PHASES = {
    "idle": "",
    "preparing": "starting",
    "training": "● training",
    "paused": "‖ paused",
    "finished": "✓ finished",
    "stopped": "■ stopped",
    "failed": "✗ failed",
}
# The fields of RunState that the header shows.
SHOWN = ("phase", "started", "is_attached")


class ViewHeader(Static):
    """The views, each with its key and clickable, and at the right the run and its phase."""

    run_state: var[RunState] = var(RunState, init=False)
    # Bytes a second; None where it is not shown.
    link_rate: var[int | None] = var[int | None](None, init=False)

    def __init__(self, views: dict[str, str], here: str) -> None:
        super().__init__()
        self._views, self._here = views, here

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in SHOWN):
            self.draw()

    def draw(self) -> None:
        state = self.run_state
        status = [f"{self.link_rate:,} B/s"] if self.link_rate is not None else []
        status += ["attached"] if state.is_attached and state.is_active else []
        status += filter(None, [PHASES[state.phase]])
        least = len(" · ".join(status))
        places, name = self._places(), Content.from_markup(" [b]mnist-tui[/b]  ")
        for left in (name + places, places, self._places(short=True)):
            if left.cell_length + least < self.size.width:
                break
        run = state.started
        facts = [run.arch, run.dataset, run.device] if run else []
        room = self.size.width - left.cell_length
        lines = (" · ".join(parts) for parts in ([*facts, *status], status))
        right = next((line for line in lines if len(line) < room), "") + " "
        self.update(left + right.rjust(max(0, room)))

    on_mount = on_resize = watch_link_rate = draw

    def _places(self, *, short: bool = False) -> Content:
        """Return the views; if `short`, all but this one by their keys alone."""
        places = Content("")
        for number, (mode, title) in enumerate(self._views.items(), 1):
            here = mode == self._here
            words = Content(f" {number} {title} " if here or not short else f" {number} ")
            words = words.stylize("reverse bold" if here else "")
            places += words.stylize(f"@click=app.view('{mode}')")
        return places

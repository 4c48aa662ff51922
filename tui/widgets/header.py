"""The first line of a view: the names of the views, and what is trained and its state."""

from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from core.config import TrainConfig
from tui.state.run_state import RunState
from tui.text.formats import shorten_folder
from tui.text.settings import network_name

# The state of the run by its phase, and the theme's variable with its colour.
PHASES = {
    "idle": ("○ ready", "quiet"),
    "preparing": ("○ starting", "quiet"),
    "training": ("● training", "series-train"),
    "paused": ("‖ paused", "foreground"),
    "finished": ("✓ finished", "right"),
    "stopped": ("■ stopped", "foreground"),
    "failed": ("✗ failed", "wrong"),
}
NAME = " mnist-tui "
ALL_NAMES_WIDTH = 120  # columns from which on all views are named
# The fields of RunState that the header shows.
SHOWN = ("phase", "started", "is_attached")


class ViewHeader(Static):
    """The views, each with its key and clickable, and at the right what is trained and its state.

    Where not all views' names fit, they are numbers, and the one in front has its name.
    """

    run_state: var[RunState] = var(RunState, init=False)
    # The settings of the next run.
    config: var[TrainConfig] = var(TrainConfig, init=False)
    # Bytes a second; None where it is not shown.
    link_rate: var[int | None] = var[int | None](None, init=False)
    lane_name: var[str] = var("", init=False)  # of a race, whose run this is
    phase: var[str] = var("", init=False)  # to show in place of the run's: that of the race

    def __init__(self, views: dict[str, str], here: str) -> None:
        super().__init__()
        self._views, self._here = views, here

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in SHOWN):
            self.draw()

    def draw(self) -> None:
        facts, status = self._facts(), self._status()
        for name, short, shown, said in (
            (NAME, False, facts, status),
            ("", False, facts, status),
            ("", False, facts[:2], status),
            ("", False, facts[:1], status),
            ("", False, (), status),
            (NAME, True, facts, status),
            ("", True, facts, status),
            (NAME, True, facts[:1], status),
            ("", True, facts[:1], status[-1:]),
            ("", True, (), status[-1:]),
        ):
            if not short and self.size.width < ALL_NAMES_WIDTH:
                continue
            left = Content.styled(name, "bold") + self._places(short=short)
            parts = [Content(" · ").join(each) for each in (shown, said) if each]
            end = Content("  ").join(parts) + " "
            if left.cell_length + end.cell_length < self.size.width:
                break
        room = self.size.width - left.cell_length - end.cell_length
        self.update(left + " " * max(0, room) + end, layout=False)

    on_mount = on_resize = watch_link_rate = watch_config = watch_lane_name = watch_phase = draw

    def _facts(self) -> tuple[Content, ...]:
        """Return the network, the dataset and the device of the run, or of the next one; in a race
        the lane first."""
        if shown := self.run_state.started:
            name, dataset, device = shown.arch, shown.dataset, shown.device
        else:
            config = self.config
            name, dataset, device = network_name(config.arch), config.dataset, config.device
        facts = Content(name), Content(shorten_folder(dataset)), Content(device)
        if self.lane_name:
            lane = Content(f"lane {self.lane_name}")
            return (lane, *facts[1:]) if self.lane_name == name else (lane, *facts)
        return facts

    def _status(self) -> tuple[Content, ...]:
        state = self.run_state
        words, colour = PHASES[self.phase or state.phase]
        rate = [Content(f"{self.link_rate:,} B/s")] if self.link_rate is not None else []
        attached = [Content("attached")] if state.is_attached and state.is_active else []
        return *rate, *attached, Content.styled(words, f"${colour}")

    def _places(self, *, short: bool) -> Content:
        """Return the views; if `short`, all but this one by their keys alone."""
        places = Content("")
        for number, (mode, title) in enumerate(self._views.items(), 1):
            here = mode == self._here
            words = Content(f" {number} {title} " if here or not short else f" {number} ")
            # What can be clicked has the colour of links, which is illegible on the selection's.
            style = "bold $selection-text on $selection" if here else f"@click=app.view('{mode}')"
            places += words.stylize(style)
        return places

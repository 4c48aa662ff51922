"""A bar for each lane of a race on its way to the goal, its place, and what it has reached."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from tui.analysis.race.positions import LanePosition, find_positions, format_seconds
from tui.charts.race import lane_sign
from tui.preferences import Preferences
from tui.state.race.race_state import RaceState
from tui.state.run_state import LETTERS
from tui.text.digit_art import draw_bar
from tui.text.formats import (
    cell_width,
    fit_cells,
    format_percent,
    printable,
    right_cells,
    truncate,
)
from tui.widgets.canvas import Canvas, StyledLine

NAME, LEAST_NAME = 24, 8  # columns of a lane's name
PLACE, ACCURACY, GAP, RATE = 4, 7, 16, 18
MARK = 15  # ✗ out of memory
PROGRESS = 22  # "epoch 3/10   1:02:03"
LEAST_BAR = 10
ORDINALS = ("–", "1st", "2nd", "3rd", "4th")


class LaneBars(Canvas):
    """One line for each lane; that of the selected lane is marked."""

    COMPONENT_CLASSES = {
        *(f"lanes--{name}" for name in ("text", "quiet", "right", "wrong", "rest", "selected")),
        *(f"lanes--{letter}" for letter in LETTERS),
    }

    race: var[RaceState] = var(RaceState, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    selected: var[int] = var(0, init=False)

    @dataclass
    class Selected(Message):
        """A lane was clicked."""

        lane: int

    watch_race = watch_selected = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.ascii != after.ascii:
            self.draw()

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y < len(self.race.lanes):
            self.post_message(self.Selected(offset.y))

    def draw(self) -> None:
        positions = find_positions(self.race)
        self.paint([self._line(number, each) for number, each in enumerate(positions)])

    def _line(self, number: int, position: LanePosition) -> StyledLine:
        race, width, parts = self.race, self.size.width, self.parts
        lane, plain = race.lanes[number], self.preferences.ascii
        run, state = lane.runs[race.seed], lane.states[race.seed]
        colour, quiet = parts[LETTERS[number]], parts["quiet"]
        is_selected = number == self.selected
        longest = max(cell_width(printable(each.name)) for each in race.lanes)
        left = width - (2 + PLACE + 2 + 1 + ACCURACY + GAP + 1 + MARK)
        name = min(longest, NAME, max(LEAST_NAME, left - LEAST_BAR))
        left -= name
        is_wide = left >= 2 * LEAST_BAR + RATE
        has_progress = left >= 3 * LEAST_BAR + RATE + PROGRESS
        gap = GAP if left >= LEAST_BAR else 0
        bar = max(0, left + GAP - gap - RATE * is_wide - PROGRESS * has_progress)
        rate = state.samples_per_second if state.is_active else None
        speed = f"{float(f'{rate:.3g}'):,.0f} images/s" if rate else ""
        fitting = speed if len(speed) <= MARK else speed.replace(" images", "")
        mark = position.mark or ("" if is_wide else fitting)
        bad, good = mark.startswith("✗"), mark.startswith("✓")
        mark_style = parts["wrong" if bad else "right" if good else "quiet"]
        filled = draw_bar(min(1.0, position.share), bar, plain=plain).rstrip()
        rest = "." if plain else "─"
        line = [
            Segment("▸ " if is_selected else "  ", parts["selected"]),
            Segment(fit_cells(ORDINALS[position.place or 0], PLACE), parts["text"]),
            Segment(f"{lane_sign(number, ascii=plain)} ", colour),
            Segment(
                fit_cells(truncate(printable(lane.name), name), name) + " ",
                parts["selected" if is_selected else "text"],
            ),
            Segment(filled, colour),
            Segment(rest * (bar - len(filled)), parts["rest"]),
            Segment(right_cells(format_percent(run.accuracy), ACCURACY), parts["text"]),
            Segment(right_cells(position.gap if gap else "", gap), quiet),
        ]
        if has_progress:
            epochs = f"epoch {run.epoch}/{state.started.epochs}" if state.started else ""
            seconds = format_seconds(run.seconds)
            line.append(Segment(right_cells(f"{epochs}  {seconds:>7}", PROGRESS), quiet))
        if is_wide:
            line.append(Segment(right_cells(speed, RATE), quiet))
        line += [Segment(" "), Segment(truncate(mark, MARK), mark_style)]
        return line


def bars_title(race: RaceState) -> str:
    """Return what the bars are about."""
    started = race.started
    if started is None:
        return "Lanes"
    goal = (
        f"To {format_percent(started.goal)} test accuracy" if started.goal else "To the last epoch"
    )
    rounds = f" · round {race.seed + 1} of {started.seeds}" if started.seeds > 1 else ""
    return f"{goal}{rounds}"

"""The parts of the comparison: curves, settings, accuracy by class, and digits predicted
differently."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.reactive import var

from core.checkpoints.header import CheckpointInfo
from core.class_names import DIGITS, name_of
from core.digit import Digit
from tui.analysis.run_comparison import comparison_rows
from tui.charts.series import Series, overlay_series
from tui.charts.x_axis import Window, choose_window, step_to_x
from tui.preferences import Preferences
from tui.state.run_state import LETTERS
from tui.text.digit_art import draw_bar
from tui.text.formats import (
    class_label,
    fit_cells,
    format_percent,
    printable,
    truncate,
    widest_label,
)
from tui.widgets.canvas import Canvas, StyledLine, center_text, pad_line, place_side_by_side
from tui.widgets.cards.card import card_style, image_lines
from tui.widgets.charts.chart import Chart

GAP = 2
HEAD, MOST_HEAD = 5, 16  # columns for the class
VALUE_WIDTH = 7  # 100.00%
WIDEST_BAR = 10
NAME_WIDTH = 17  # of the names of the settings
MIN_SETTING_WIDTH = 8


class RunsChart(Chart):
    """Curves of `overlaid_runs` on the axes of `run_state` (from build_overlay_frame)."""

    is_reading: var[bool] = var(True, init=False)

    _watch_is_reading = Chart.redraw

    @property
    def newest(self) -> float:
        window = self._window()
        return min(1.0, max(0.0, (self._newest_x() - window.low) / (window.high - window.low)))

    def _newest_x(self) -> float:
        x_axis = self.preferences.x_axis
        return max((step_to_x(run, x_axis)(run.step) for run in self.overlaid_runs), default=0.0)

    def _why_empty(self) -> str:
        return "Reading the runs…" if self.is_reading else "These runs have no recorded metrics."

    def _window(self) -> Window:
        """Return a window whose newest part has the newest step of any of the runs."""
        return choose_window(self.run_state, self.preferences, self.columns, self._newest_x())

    def _series(self, window: Window) -> list[Series]:
        return overlay_series(self.kind, self.overlaid_runs, self.preferences, window, LETTERS)


class ClassBars(Canvas):
    """Accuracy of each class, one column a network, empty where it is not known yet. The best in a
    row is bold and has a sign."""

    COMPONENT_CLASSES = {
        "classes--text",
        "classes--quiet",
        *(f"classes--{letter}" for letter in LETTERS),
    }

    columns: var[tuple[tuple[float | None, ...], ...]] = var((), init=False)
    names: var[tuple[str, ...]] = var(DIGITS, init=False)  # of the classes
    problem: var[str] = var("", init=False)  # why the networks cannot be compared by class

    watch_columns = watch_names = watch_problem = Canvas.redraw

    def draw(self) -> None:
        if not self.columns:
            self.paint([])
            return
        text, quiet = self.parts["text"], self.parts["quiet"]
        known = [share for column in self.columns for share in column if share is not None]
        if self.problem:
            self.paint(center_text(self.problem, self.size, quiet))
            return
        if not known:
            self.paint([[Segment("Evaluating…", quiet)]])
            return
        # Bars that begin at 0 would all look the same.
        floor = min(int(min(known) * 10) / 10, 0.9)
        labels = [name_of(self.names, each) for each in range(max(map(len, self.columns)))]
        head = max(HEAD, 1 + widest_label(labels, min(MOST_HEAD, self.size.width // 5)))
        room = (self.size.width - head) // len(self.columns)
        length = max(0, min(WIDEST_BAR, room - VALUE_WIDTH - 1 - GAP - 1))
        width = VALUE_WIDTH + 2 + length
        heads = [
            Segment(f"{letter:<{width + GAP}}", self.parts[letter])
            for letter in LETTERS[: len(self.columns)]
        ]
        caption = f"▸ best; bars from {floor:.0%} to 100%"
        lines: list[StyledLine] = [
            [Segment(caption, quiet)],
            [Segment(f"{'true':{head}}", quiet), *heads],
        ]
        for number, label in enumerate(labels):
            line = [Segment(fit_cells(class_label(label, head - 1), head), quiet)]
            row = [column[number] if column else None for column in self.columns]
            best = max((share for share in row if share is not None), default=None)
            for letter, share in zip(LETTERS, row, strict=False):
                is_best = share is not None and share == best
                style = text + Style(bold=True) if is_best else text
                filled = 0.0 if share is None else (share - floor) / (1 - floor)
                line += [
                    Segment(
                        f"{'▸' if is_best else ' '}{format_percent(share):>{VALUE_WIDTH}} ", style
                    ),
                    Segment(draw_bar(filled, length), self.parts[letter]),
                    Segment(" " * GAP),
                ]
            lines.append(line)
        self.paint(lines)


# One digit with each network's letter and prediction.
Disagreement = tuple[tuple[str, Digit], ...]


class DisagreementCards(Canvas):
    """Digits, each with the predictions of all networks, as many as fit."""

    PICTURE = True
    COMPONENT_CLASSES = {
        f"disagreement--{name}" for name in ("ink", "quiet", "right", "wrong", "doubt")
    }
    WIDTH, HEIGHT, INK = 25, 8, (14, 7)
    NAME = 9  # columns of the name of a class that make a card wider

    disagreements: var[tuple[Disagreement, ...]] = var((), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    caption: var[str] = var("", init=False)

    @property
    def capacity(self) -> int:
        return self._across * max(1, self.size.height // self.HEIGHT) if self.size else 0

    @property
    def _across(self) -> int:
        return max(1, (self.size.width + 1) // (self._wide + 1))

    @property
    def _wide(self) -> int:
        """Columns of a card, wide enough for the names of the classes."""
        names = self.disagreements[0][0][1].class_names if self.disagreements else DIGITS
        return self.WIDTH - 1 + widest_label(names, self.NAME)

    watch_disagreements = watch_caption = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if (before.digit_style, before.ascii) != (after.digit_style, after.ascii):
            self.draw()

    def draw(self) -> None:
        lines: list[StyledLine] = []
        if self.caption:
            lines.append([Segment(self.caption, self.parts["quiet"])])
        shown = self.disagreements[: self.capacity]
        for start in range(0, len(shown), self._across):
            cards = [self._card(each) for each in shown[start : start + self._across]]
            lines += place_side_by_side(cards, self._wide + 1)
        self.paint(lines)

    def _card(self, disagreement: Disagreement) -> list[StyledLine]:
        first = disagreement[0][1]
        quiet = self.parts["quiet"]
        title = f"#{first.index} true "
        if first.label is not None:
            title += class_label(first.name_of(first.label), self._wide - len(title))
        lines: list[StyledLine] = [[Segment(title, quiet)]]
        lines += image_lines(first, *self.INK, card_style(self, self.preferences))
        if first.is_unlike:  # in place of the image's margin
            lines[1] = [Segment(f"! {first.unlike_text(short=True)}", self.parts["doubt"])]
        for row, (letter, digit) in enumerate(disagreement, 2):
            shade = self.parts["right" if digit.right else "wrong"]
            sign, sure = "✓" if digit.right else "✗", max(digit.probabilities())
            space = self._wide - self.INK[0] - len(f" A ✓  {sure:.0%}")
            text = f" {letter} {sign} {class_label(digit.predicted_name, space)} {sure:.0%}"
            lines[row] = [*pad_line(lines[row], self.INK[0]), Segment(text, shade)]
        return lines


def settings_table(infos: Sequence[CheckpointInfo | None], width: int) -> Content:
    """Return the rows of a comparison, at most `width` columns wide."""
    rows, are_same = comparison_rows(infos)
    value_width = max(MIN_SETTING_WIDTH, (width - NAME_WIDTH - 2) // len(infos) - 2)
    table = [("", list(LETTERS[: len(infos)])), *rows]
    if are_same:
        table.append(("All settings are the same.", []))
    lines = []
    for name, values in table:
        cells = [
            set_cell_size(truncate(printable(value), value_width), value_width) for value in values
        ]
        head = set_cell_size(name, NAME_WIDTH) if values else name
        lines.append(Content.styled(head, "$text-muted") + Content("  ".join(["", *cells])))
    return Content("\n").join(lines)

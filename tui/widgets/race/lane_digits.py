"""Test digits, each with the predictions of all lanes of a race below it."""

from __future__ import annotations

from rich.segment import Segment
from textual.reactive import var

from core.digit import Digit
from tui.charts.race import lane_sign
from tui.preferences import Preferences
from tui.state.race.race_state import RaceState
from tui.state.run_state import LETTERS
from tui.text.formats import cell_width, class_label, fit_cells, printable, truncate
from tui.widgets.canvas import Canvas, StyledLine, center_text, pad_line
from tui.widgets.cards.card import card_style, image_lines

COUNT = 6
# Sizes of an image, the largest that fits is used. A cell is twice as high as it is wide.
INKS = ((28, 14), (20, 10), (14, 7), (12, 6), (10, 5))
SEEN = ("digit_style", "ascii", "slow")  # preferences
NAME = 14  # columns of the lanes' names, where there is room for them
LEAST_NAMED = 90  # columns of the widget from which on there is


class LaneDigits(Canvas):
    """Each digit once, and below it what each lane predicts now, with its probability."""

    PICTURE = True
    COMPONENT_CLASSES = {
        *(f"predictions--{name}" for name in ("ink", "quiet", "right", "wrong")),
        *(f"predictions--{letter}" for letter in LETTERS),
    }

    race: var[RaceState] = var(RaceState, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    indices: var[tuple[int, ...]] = var((), init=False)  # of the test images to show

    watch_indices = Canvas.redraw

    def watch_race(self, before: RaceState, after: RaceState) -> None:
        old = [state.digits for state in before.now]
        new = [state.digits for state in after.now]
        if len(old) != len(new) or any(a is not b for a, b in zip(old, new, strict=True)):
            self.draw()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in SEEN):
            self.draw()

    def best_height(self, width: int, lanes: int, most: int) -> int:
        """Return the lines, at most so many, for the largest images that fit a width."""
        _, cell = _columns(width)
        others = 1 + lanes
        fitting = [height for ink, height in INKS if ink < cell and height + others <= most]
        return max(fitting, default=0) + others

    def _rows(self) -> list[dict[int, Digit]]:
        """Return each lane's predictions by index."""
        wanted = set(self.indices)
        return [
            {digit.index: digit for digit in state.digits if digit.index in wanted}
            for state in self.race.now
        ]

    def draw(self) -> None:
        rows, size = self._rows(), self.size
        known: dict[int, Digit] = {}
        for row in rows:
            known |= row
        if not known:
            text = "Predictions appear here once the lanes train."
            self.paint(center_text(text, size, self.parts["quiet"]))
            return
        head, width = _columns(size.width)
        room = size.height - 1 - len(rows)
        ink = next((each for each in INKS if each[0] < width and each[1] <= room), None)
        lines = self._images(known, head, width, ink) if ink else []
        names = next(iter(known.values())).class_names
        lines.append(self._titles(known, head, width, names))
        lines += [self._predictions(number, row, head, width) for number, row in enumerate(rows)]
        self.paint(lines)

    def _images(
        self, known: dict[int, Digit], head: int, width: int, ink: tuple[int, int]
    ) -> list[StyledLine]:
        style, lines = (
            card_style(self, self.preferences),
            [[Segment(" " * head)] for _ in range(ink[1])],
        )
        for index in self.indices:
            digit = known.get(index)
            image = image_lines(digit, *ink, style) if digit else [[]] * ink[1]
            for line, part in zip(lines, image, strict=True):
                line += pad_line(list(part), width)
        return lines

    def _titles(
        self, known: dict[int, Digit], head: int, width: int, names: tuple[str, ...]
    ) -> StyledLine:
        texts = []
        for index in self.indices:
            digit = known.get(index)
            label = None if digit is None else digit.label
            text = f"#{index}" if label is None else f"true {class_label(names[label], width - 7)}"
            texts.append(fit_cells(text, width))
        return [Segment(fit_cells("", head) + "".join(texts), self.parts["quiet"])]

    def _predictions(self, number: int, row: dict[int, Digit], head: int, width: int) -> StyledLine:
        sign = lane_sign(number, ascii=self.preferences.ascii)
        name = truncate(printable(self.race.lanes[number].name), head - 3) if head else ""
        colour = self.parts[LETTERS[number]]
        line = [Segment(fit_cells(f"{sign} {name}", head), colour)] if head else []
        for index in self.indices:
            digit = row.get(index)
            if not head:
                line.append(Segment(f"{sign} ", colour))
            cell = width - (0 if head else 2)
            if digit is None:
                line.append(Segment(fit_cells("–", cell), self.parts["quiet"]))
                continue
            sure = f"{max(digit.probabilities()):.0%}"
            mark = "✓" if digit.right else "✗"
            what = class_label(digit.predicted_name, cell - cell_width(f"{mark}  {sure} "))
            style = self.parts["right" if digit.right else "wrong"]
            line.append(Segment(fit_cells(f"{mark} {what} {sure}", cell), style))
        return line


def _columns(width: int) -> tuple[int, int]:
    """Return the columns of the lanes' names and of a digit."""
    head = NAME if width >= LEAST_NAMED else 0
    return head, (width - head) // COUNT

"""Panels of a network's accuracy on corrupted images: by kind and strength, and by class."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.data.corruptions import CORRUPTIONS, LEVELS
from core.responses.scores import CorruptionScore
from tui.analysis.corruption import class_losses, mean_of, scores_by_kind
from tui.text.digit_art import draw_bar
from tui.text.formats import cell_width, fit_cells, format_percent, printable, truncate
from tui.widgets.canvas import Canvas, StyledLine, center_text

Scores = tuple[CorruptionScore, ...]
HEAD, MEAN, LOST = 9, 8, 20  # characters of a row's name, its mean and the class that loses most
LEAST_CELL, LARGEST_CELL = 8, 16  # of a strength
MOST_LINES = 5  # of a row
HEADS = 1  # lines above the rows
EIGHTHS = " ▁▂▃▄▅▆▇█"
CURSOR = "▶"
LEAST_BAR = 8  # characters of a bar by class


class CorruptionTable(Canvas, can_focus=True):
    """A row for each kind of corruption and a column for each strength: the accuracy, and above it
    or beside it a bar as high as the accuracy, so that a row shows how fast it falls."""

    PICTURE = True
    COMPONENT_CLASSES = {
        f"corruption--{name}" for name in ("text", "quiet", "bar", "wrong", "selected")
    }
    scores: var[Scores] = var((), init=False)
    class_names: var[tuple[str, ...]] = var((), init=False)
    placeholder: var[str] = var("", init=False)
    cursor: var[tuple[int, int]] = var((0, 2), init=False)  # kind and strength

    class Moved(Message):
        """Another cell is selected."""

    class Opened(Message):
        """The selected cell has been clicked."""

    watch_scores = watch_class_names = watch_placeholder = Canvas.redraw

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self.border_title = "Accuracy by strength of corruption"

    def watch_cursor(self) -> None:
        self.draw()
        self.post_message(self.Moved())

    @property
    def selected(self) -> CorruptionScore | None:
        """The score of the cell under the cursor."""
        row, column = self.cursor
        return self._rows[row][1][column] if self.scores else None

    @property
    def _rows(self) -> list[tuple[str, Scores]]:
        return [*scores_by_kind(self.scores).items()]

    def move(self, rows: int, columns: int) -> None:
        row, column = self.cursor
        last = len(CORRUPTIONS) - 1
        self.cursor = max(0, min(last, row + rows)), max(0, min(LEVELS - 1, column + columns))

    def move_to_end(self, *, last: bool) -> None:
        self.cursor = (len(CORRUPTIONS) - 1) * last, self.cursor[1]

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not self.scores:
            return
        row, column = (offset.y - HEADS) // self._lines, (offset.x - HEAD) // self._cell
        if offset.x < HEAD or not (0 <= row < len(self._rows) and 0 <= column < LEVELS):
            return
        if (row, column) == self.cursor:
            self.post_message(self.Opened())
        self.cursor = row, column

    # Drawing

    @property
    def _lines(self) -> int:
        """Lines of a row."""
        return max(1, min(MOST_LINES, (self.size.height - HEADS) // len(CORRUPTIONS)))

    @property
    def _cell(self) -> int:
        fitting = (self.size.width - HEAD - MEAN - LOST) // LEVELS
        return max(LEAST_CELL, min(LARGEST_CELL, fitting))

    def draw(self) -> None:
        if not self.scores:
            self.paint(center_text(self.placeholder, self.size, self.parts["quiet"]))
            return
        quiet, cell = self.parts["quiet"], self._cell
        heads = "".join(f"{f'level {level + 1}':>{cell}}" for level in range(LEVELS))
        head = f"{'':{HEAD}}{heads}{'mean':>{MEAN}}"
        if self.size.width >= len(head) + LOST:
            head += "  loses most"
        lines: list[StyledLine] = [[Segment(head, quiet)]]
        for number, (kind, scores) in enumerate(self._rows):
            lines += self._draw_row(number, kind, scores)
        self.paint(lines)

    def _draw_row(self, number: int, kind: str, scores: Scores) -> list[StyledLine]:
        """Return the lines of a row: columns above, then accuracies; strengths from four on."""
        text, quiet, count = self.parts["text"], self.parts["quiet"], self._lines
        strengths = count > 3
        bars = count - 1 - strengths
        unit = CORRUPTIONS[kind].unit
        lines: list[StyledLine] = []
        for level in range(bars, 0, -1):
            name = kind if level == bars else ""
            line = [Segment(f"{name:{HEAD}}", text)]
            lines.append([*line, *(self._bar(each, level, bars) for each in scores)])
        is_row = number == self.cursor[0]
        line = [Segment(f"{'' if bars else kind:{HEAD}}", text)]
        for place, score in enumerate(scores):
            line += self._number(score, is_row and place == self.cursor[1], has_bar=not bars)
        mean = format_percent(mean_of([each.accuracy for each in scores]))
        line.append(Segment(f"{mean:>{MEAN}}", text))
        if self.size.width >= HEAD + LEVELS * self._cell + MEAN + LOST:
            line.append(Segment(f"  {self._most_lost(scores)}", quiet))
        lines.append(line)
        if strengths:
            found = [f"{each.corruption.strength:g}" if each.corruption else "" for each in scores]
            shown = "".join(f"{each:>{self._cell}}" for each in found)
            lines.append([Segment(f"{'':{HEAD}}{shown}  {unit}", quiet)])
        return lines

    def _style(self, score: CorruptionScore) -> Style:
        """Return the style of an accuracy: another one below half of that without a corruption."""
        accuracy, clean = score.accuracy, self.scores[0].accuracy
        is_broken = accuracy is not None and clean is not None and accuracy < clean / 2
        return self.parts["wrong" if is_broken else "bar"]

    def _bar(self, score: CorruptionScore, level: int, bars: int) -> Segment:
        """Return a column's part on that line, counted from below from 1."""
        least = 1 if score.samples else 0
        eighths = max(least, round((score.accuracy or 0) * bars * 8)) - (level - 1) * 8
        block = EIGHTHS[max(0, min(8, eighths))]
        wide = self._cell - 3
        return Segment(f"{'':{self._cell - wide}}{block * wide}", self._style(score))

    def _number(self, score: CorruptionScore, is_selected: bool, *, has_bar: bool) -> list[Segment]:
        number = f"{format_percent(score.accuracy):>6}"
        eighths = max(1, round((score.accuracy or 0) * 8)) if score.samples else 0
        bar = EIGHTHS[eighths] if has_bar else " "
        before = Segment(f"{bar:>{self._cell - 6}}", self._style(score))
        if is_selected:
            chosen = self.get_component_rich_style("corruption--selected") + Style(bold=True)
            before = Segment(" " * (self._cell - 7))
            return [before, Segment(f"{CURSOR}{number}", chosen)]
        return [before, Segment(number, self.parts["text"])]

    def _most_lost(self, scores: Scores) -> str:
        clean = self.scores[0]
        found = class_losses(clean.class_accuracy, [each.class_accuracy for each in scores])
        if not found or found[0].lost <= 0:
            return ""
        name = printable(self.class_names[found[0].actual])
        return truncate(f"{name} −{100 * found[0].lost:.0f} points", LOST - 2)


@dataclass(frozen=True)
class ShownClasses:
    """The score without a corruption, the selected one, and the names of the classes."""

    clean: CorruptionScore
    score: CorruptionScore
    names: tuple[str, ...]


class ClassLosses(Canvas):
    """The accuracy of each class without and with the selected corruption, the class that loses
    most first."""

    COMPONENT_CLASSES = {f"corruption--{name}" for name in ("text", "quiet", "bar", "wrong")}
    shown: var[ShownClasses | None] = var[ShownClasses | None](None, init=False)

    watch_shown = Canvas.redraw

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self.border_title = "By class, the largest loss first"

    def draw(self) -> None:
        shown = self.shown
        if shown is None or not shown.score.samples:
            self.paint([])
            return
        text, wrong = self.parts["text"], self.parts["wrong"]
        found = class_losses(shown.clean.class_accuracy, [shown.score.class_accuracy])
        names = [printable(shown.names[each.actual]) for each in found]
        room = self.size.width - len(" 100.0% → 100.0%  −100")
        wide = max(1, min(max(map(cell_width, names)), room))
        lines: list[StyledLine] = []
        for each, name in zip(found, names, strict=True):
            before, after = format_percent(each.before), format_percent(each.after)
            change = f"{'−' if each.lost >= 0 else '+'}{abs(100 * each.lost):.1f}"
            words = f"{fit_cells(truncate(name, wide), wide)} {before:>6} → {after:>6}"
            line = [Segment(words, text), Segment(f"  {change:>5}", wrong)]
            if room - wide > LEAST_BAR:
                bar = draw_bar(max(0.0, each.lost), room - wide - 1)
                line.append(Segment(f" {bar}", wrong))
            lines.append(line)
        if self.size.height >= 2 * len(lines):
            lines = [part for line in lines for part in (line, [])]
        rest = len(lines) - self.size.height
        if rest > 0:
            quiet = Segment(f"… {rest + 1} more", self.parts["quiet"])
            lines = [*lines[: self.size.height - 1], [quiet]]
        self.paint(lines)

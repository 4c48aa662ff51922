"""The confusion matrix with a cursor, the scores of each class and the most confused pairs."""

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from tui.analysis.confusion import (
    Confusion,
    class_scores,
    confused_pairs,
    describe_pair,
    error_share,
)
from tui.text.digit_art import draw_bar
from tui.widgets.canvas import Canvas, StyledLine

CLASSES = 10
HEAD, CELL = 5, 5  # characters of a row's heading, and of a cell
HEADS = 2  # lines above the cells
# Shades of a cell, from the background to the full colour. Few, since each costs bytes to send.
SHADES = (0.0, 0.15, 0.3, 0.5, 0.75)
SHADED_FROM = 0.04  # share of the row's errors
PERCENT = 6  # characters of a percentage
CURSOR = "▶"


def shade(share: float) -> int:
    """Return the place in SHADES of a cell with that share of its row's errors.

    Half of them is as bright as all.
    """
    if share < SHADED_FROM:
        return 0
    return min(len(SHADES) - 1, 1 + int(share * 2 * (len(SHADES) - 1)))


def count_text(count: int) -> str:
    """Return a count in at most four characters."""
    if not count:
        return "·"
    return str(count) if count < 10_000 else f"{count // 1000}k"


class ConfusionCanvas(Canvas):
    """A canvas of what `content_lines` returns, empty while there is no confusion matrix."""

    confusion: var[Confusion] = var((), init=False)

    watch_confusion = Canvas.redraw

    def content_lines(self) -> list[StyledLine]:
        return []

    def draw(self) -> None:
        self.paint(self.content_lines() if self.confusion else [])


class ConfusionMatrix(ConfusionCanvas):
    """Rows are true classes, columns predicted ones.

    The brighter a cell, the more of its row's errors are in it; the diagonal is dimmed.
    """

    PICTURE = True
    COMPONENT_CLASSES = {f"confusion--{name}" for name in ("text", "quiet", "heat")}

    cursor: var[tuple[int, int]] = var((0, 0), init=False)  # true and predicted class

    @dataclass
    class Moved(Message):
        actual: int
        predicted: int

    class Opened(Message):
        """The cell under the cursor has been clicked."""

    def watch_cursor(self, cursor: tuple[int, int]) -> None:
        self.draw()
        self.post_message(self.Moved(*cursor))

    def move(self, rows: int, columns: int) -> None:
        """Move the cursor by that many cells, at most to the edge."""
        actual, predicted = self.cursor
        last = CLASSES - 1
        self.cursor = max(0, min(last, actual + rows)), max(0, min(last, predicted + columns))

    def on_click(self, event: Click) -> None:
        actual, predicted = event.y - HEADS, (event.x - HEAD) // CELL
        if not self.confusion or not (0 <= actual < CLASSES and 0 <= predicted < CLASSES):
            return
        if (actual, predicted) == self.cursor:
            self.post_message(self.Opened())
        self.cursor = actual, predicted

    def content_lines(self) -> list[StyledLine]:
        quiet, bold = self.parts["quiet"], self.parts["text"] + Style(bold=True)
        shades = self._shades()
        at_row, at_column = self.cursor
        heads = [
            Segment(f"{number:>{CELL}}", bold if number == at_column else quiet)
            for number in range(CLASSES)
        ]
        lines: list[StyledLine] = [
            [Segment(f"{'':{HEAD}} predicted", quiet)],
            [Segment(f"{'true':>{HEAD}}", quiet), *heads],
        ]
        for actual, row in enumerate(self.confusion):
            line = [Segment(f"{actual:>{HEAD}}", bold if actual == at_row else quiet)]
            for predicted, count in enumerate(row):
                text = f"{count_text(count):>{CELL - 1}}"
                if (actual, predicted) == self.cursor:
                    line.append(Segment(CURSOR + text, bold + Style(reverse=True)))
                    continue
                place = shade(error_share(self.confusion, actual, predicted))
                dim = actual == predicted or not count
                line.append(Segment(f" {text}", quiet if dim else shades[place]))
            lines.append(line)
        return lines

    def _shades(self) -> list[Style]:
        """Return the styles of cells, each with text that is readable on its background.

        The terminal's own colours cannot be mixed: there much is bold, and most is underlined.
        """
        base, plain = self.background_colors[1], self.parts["text"]
        if base.ansi is not None:
            bold = plain + Style(bold=True)
            return [plain, plain, bold, bold, bold + Style(underline=True)]
        heat = base + self.get_component_styles("confusion--heat").color
        under = [base.blend(heat, share) for share in SHADES[1:]]
        shaded = (
            Style(color=each.get_contrast_text(1.0).rich_color, bgcolor=each.rich_color)
            for each in under
        )
        return [plain, *shaded]


def share_text(share: float | None) -> str:
    return "–" if share is None else "100%" if share == 1 else f"{min(share, 0.999):.1%}"


class ClassScores(ConfusionCanvas):
    """Precision and recall of each class, with bars."""

    COMPONENT_CLASSES = {f"scores--{name}" for name in ("text", "quiet", "bar")}

    def content_lines(self) -> list[StyledLine]:
        text, quiet, filled = (self.parts[name] for name in ("text", "quiet", "bar"))
        # A class, and twice a percentage and a bar.
        each_bar = max(0, min(10, (self.size.width - 2) // 2 - PERCENT - 2))
        space = max(0, PERCENT + each_bar - 7)
        titles = f"  {'precision':>9}{'':{space}}{'recall':>{PERCENT}}"
        lines: list[StyledLine] = [[], [Segment(titles, quiet)]]
        for number, score in enumerate(class_scores(self.confusion)):
            line = [Segment(f"{number} ", quiet)]
            for share in (score.precision, score.recall):
                line.append(Segment(f"{share_text(share):>{PERCENT}} ", text))
                line.append(Segment(f"{draw_bar(share or 0.0, each_bar)} ", filled))
            lines.append(line)
        return lines


class ConfusedPairs(ConfusionCanvas):
    """The pairs of classes that are confused most often, as many as fit."""

    COMPONENT_CLASSES = {f"pairs--{name}" for name in ("text", "quiet")}

    def content_lines(self) -> list[StyledLine]:
        text, quiet = self.parts["text"], self.parts["quiet"]
        rows = self.size.height - 1
        pairs = [describe_pair(pair) for pair in confused_pairs(self.confusion)]
        column = max(map(len, pairs), default=0) + 3
        shown = pairs[: rows * max(1, self.size.width // column)]
        lines: list[StyledLine] = [[Segment("most confused" if pairs else "no errors", quiet)]]
        for row in range(min(rows, len(shown))):
            cells = shown[row::rows]
            lines.append([Segment("".join(f"{cell:{column}}" for cell in cells), text)])
        return lines

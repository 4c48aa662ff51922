"""The confusion matrix with a cursor in it, and what it says of each class and each pair."""

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
HEAD, CELL = 5, 5  # columns of a row's head, and of a cell
HEADS = 2  # lines over the cells
# Shades of a cell: from the background to the full colour. So few, since each costs the terminal.
SHADES = (0.0, 0.15, 0.3, 0.5, 0.75)
SHADED_FROM = 0.04  # share of the row's mistakes
FIGURE = 6  # columns of a percentage
CURSOR = "▶"


def shade(share: float) -> int:
    """The place in SHADES of a cell with that share of its row's mistakes: half of them is as
    bright as it gets."""
    if share < SHADED_FROM:
        return 0
    return min(len(SHADES) - 1, 1 + int(share * 2 * (len(SHADES) - 1)))


def count_text(count: int) -> str:
    """At most four characters."""
    if not count:
        return "·"
    return str(count) if count < 10_000 else f"{count // 1000}k"


class ConfusionMatrix(Canvas):
    """Rows are what a digit is, columns what it was taken for. The brighter a cell, the more of its
    row's mistakes are in it; what is right is quiet."""

    PICTURE = True
    COMPONENT_CLASSES = {f"confusion--{name}" for name in ("text", "quiet", "heat")}

    confusion: var[Confusion] = var((), init=False)
    cursor: var[tuple[int, int]] = var((0, 0), init=False)  # what it is, what it was taken for

    @dataclass
    class Moved(Message):
        actual: int
        predicted: int

    class Opened(Message):
        """The cell under the cursor is to be opened."""

    def watch_confusion(self) -> None:
        self.draw()

    def watch_cursor(self, cursor: tuple[int, int]) -> None:
        self.draw()
        self.post_message(self.Moved(*cursor))

    def move(self, rows: int, columns: int) -> None:
        """By so many cells, as far as there are any."""
        actual, predicted = self.cursor
        last = CLASSES - 1
        self.cursor = (
            max(0, min(last, actual + rows)),
            max(0, min(last, predicted + columns)),
        )

    def on_click(self, event: Click) -> None:
        actual, predicted = event.y - HEADS, (event.x - HEAD) // CELL
        if not self.confusion or not (0 <= actual < CLASSES and 0 <= predicted < CLASSES):
            return
        if (actual, predicted) == self.cursor:
            self.post_message(self.Opened())
        self.cursor = actual, predicted

    def draw(self) -> None:
        if not self.size or not self.confusion:
            self.paint([])
            return
        text, quiet = self.part("confusion--text"), self.part("confusion--quiet")
        bold = text + Style(bold=True)
        shades = self._shades()
        at_row, at_column = self.cursor
        heads = [
            Segment(f"{number:>{CELL}}", bold if number == at_column else quiet)
            for number in range(CLASSES)
        ]
        lines: list[StyledLine] = [
            [Segment(f"{'':{HEAD}} taken for", quiet)],
            [Segment(f"{'':{HEAD}}", quiet), *heads],
        ]
        for actual, row in enumerate(self.confusion):
            line = [Segment(f" is {actual}", bold if actual == at_row else quiet)]
            for predicted, count in enumerate(row):
                written = f"{count_text(count):>{CELL - 1}}"
                if (actual, predicted) == self.cursor:
                    line.append(Segment(CURSOR + written, bold + Style(reverse=True)))
                    continue
                place = shade(error_share(self.confusion, actual, predicted))
                dim = actual == predicted or not count
                line.append(Segment(f" {written}", quiet if dim else shades[place]))
            lines.append(line)
        self.paint(lines)

    def _shades(self) -> list[Style]:
        """The colours of cells, each with writing that can be read on it. The terminal's own
        colours cannot be mixed: there much is bold, and most is underlined."""
        base = self.background_colors[1]
        if base.ansi is not None:
            plain = self.part("confusion--text")
            bold = plain + Style(bold=True)
            return [plain, plain, bold, bold, bold + Style(underline=True)]
        heat = base + self.get_component_styles("confusion--heat").color
        unshaded = self.part("confusion--text")
        under = [base.blend(heat, share) for share in SHADES[1:]]
        return [
            unshaded,
            *(
                Style(color=each.get_contrast_text(1.0).rich_color, bgcolor=each.rich_color)
                for each in under
            ),
        ]


def share_text(share: float | None) -> str:
    return "–" if share is None else "100%" if share == 1 else f"{min(share, 0.999):.1%}"


class ClassScores(Canvas):
    """Precision and recall of each class, with bars as wide as there is room for."""

    COMPONENT_CLASSES = {f"scores--{name}" for name in ("text", "quiet", "bar")}

    confusion: var[Confusion] = var((), init=False)

    def watch_confusion(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.size or not self.confusion:
            self.paint([])
            return
        text, quiet, filled = (self.part(f"scores--{name}") for name in ("text", "quiet", "bar"))
        # A number, and twice a percentage and a bar.
        each_bar = max(0, min(10, (self.size.width - 2) // 2 - FIGURE - 2))
        width = FIGURE + 1 + each_bar
        lines: list[StyledLine] = [
            [],
            [Segment(f"  {'precision':>9}{'':{max(0, width - 8)}}{'recall':>{FIGURE}}", quiet)],
        ]
        for number, score in enumerate(class_scores(self.confusion)):
            line = [Segment(f"{number} ", quiet)]
            for share in (score.precision, score.recall):
                line.append(Segment(f"{share_text(share):>{FIGURE}} ", text))
                drawn = draw_bar(share or 0.0, each_bar)
                line.append(Segment(f"{drawn} ", filled))
            lines.append(line)
        self.paint(lines)


class ConfusedPairs(Canvas):
    """What is taken for what most often, in words, as many as there is room for."""

    COMPONENT_CLASSES = {f"pairs--{name}" for name in ("text", "quiet")}

    confusion: var[Confusion] = var((), init=False)

    def watch_confusion(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.size or not self.confusion:
            self.paint([])
            return
        text, quiet = self.part("pairs--text"), self.part("pairs--quiet")
        rows = self.size.height - 1
        said = [describe_pair(pair) for pair in confused_pairs(self.confusion)]
        column = max(map(len, said), default=0) + 3
        columns = max(1, self.size.width // column) if said else 1
        shown = said[: rows * columns]
        lines: list[StyledLine] = [
            [Segment("confused most often" if said else "no mistakes", quiet)]
        ]
        for row in range(min(rows, len(shown))):
            cells = shown[row::rows]
            lines.append([Segment("".join(f"{cell:{column}}" for cell in cells), text)])
        self.paint(lines)

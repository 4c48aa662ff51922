"""The lists beside the confusion matrix: the errors of each class, and the most confused pairs."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.class_names import name_of
from tui.analysis.confusion import (
    LONGEST_LABEL,
    ConfusedPair,
    align_errors,
    class_errors,
    class_scores,
    confused_pairs,
    describe_pair,
)
from tui.text.digit_art import draw_bar
from tui.text.formats import cell_width, fit_cells, widest_label
from tui.widgets.canvas import StyledLine, place_side_by_side
from tui.widgets.charts.confusion_matrix import CURSOR, ConfusionCanvas

GAP = 2  # characters between two columns
SIGN = 2  # before each row, for the cursor's
BAR = 10  # characters of a bar
SHORT_TITLE = "Errors by class, most predicted as"
LONG = 31  # from so many on a class with a name of one letter has its errors in words
LEAST_LABEL = 6  # columns of the names of classes in a line in words
MOST_PAIRS = 200  # pairs of classes in the list
SCORES = 36  # characters of precision and recall
# (true class, predicted class or None for all)
Target = tuple[int, int | None]


def share_text(share: float | None) -> str:
    return "–" if share is None else "100%" if share == 1 else f"{min(share, 0.999):.1%}"


class ConfusionList(ConfusionCanvas, can_focus=True):
    """Rows that can be selected and opened, in as many columns as fit; those around the cursor."""

    COMPONENT_CLASSES = {f"list--{name}" for name in ("text", "quiet", "bar", "selected")}

    cursor: var[int] = var(0, init=False)

    class Moved(Message):
        """Another row is selected."""

        def __init__(self, sender: ConfusionList) -> None:
            super().__init__()
            self.list = sender

    class Opened(Moved):
        """The selected row has been clicked."""

    def __init__(self) -> None:
        super().__init__(classes="panel")

    # What a subclass lists

    def targets(self) -> list[Target]:
        """Return what each row stands for."""
        return []

    def texts(self, width: int) -> list[StyledLine]:
        """Return the text of each row, shorter where `width` is small."""
        return []

    # The cursor

    @property
    def target(self) -> Target | None:
        """What the selected row stands for; None while there are no rows."""
        targets = self.targets() if self.confusion else []
        return targets[min(self.cursor, len(targets) - 1)] if targets else None

    def follow(self, actual: int, predicted: int) -> None:
        """Select the row of a cell without a message, if there is one."""
        targets = self.targets() if self.confusion else []
        for target in ((actual, predicted), (actual, None)):
            if target in targets and not self.has_focus:
                self.set_reactive(ConfusionList.cursor, targets.index(target))

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.draw()
        if has_focus:
            self.post_message(self.Moved(self))

    def watch_cursor(self) -> None:
        self.draw()
        self.post_message(self.Moved(self))

    def move(self, rows: int, columns: int) -> bool:
        """Move the cursor, and return whether it has moved."""
        place = self.cursor + rows + columns * self._layout()[0]
        if not 0 <= place < len(self.targets()):
            return False
        self.cursor = place
        return True

    def move_to_end(self, *, last: bool) -> None:
        self.cursor = max(0, len(self.targets()) - 1) * last

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not self.confusion:
            return
        height, width, _ = self._layout()
        place = self._first() + offset.y + offset.x // (width + GAP) * height
        if offset.y >= height or place >= len(self.targets()):
            return
        if place == self.cursor:
            self.post_message(self.Opened(self))
        self.cursor = place

    # Drawing

    def _layout(self) -> tuple[int, int, int]:
        """Return the rows, the characters of a column, and how many columns there are."""
        space, fitting = self.size.width, max(1, self.size.height)
        count = len(self.targets())
        if count <= fitting:
            return fitting, space, 1
        widest = max(sum(part.cell_length for part in text) for text in self.texts(0))
        columns = max(1, (space + GAP) // (widest + SIGN + GAP))
        return min(fitting, -(-count // columns)), (space + GAP) // columns - GAP, columns

    def _first(self) -> int:
        """Return the first row that is shown: whole columns, of which the cursor is in one."""
        height, _, columns = self._layout()
        return max(0, self.cursor // height - columns + 1) * height

    def content_lines(self) -> list[StyledLine]:
        height, width, columns = self._layout()
        first, texts = self._first(), self.texts(width - SIGN)
        chosen = self.get_component_rich_style("list--selected") + Style(bold=True)
        blocks: list[list[StyledLine]] = []
        for top in range(first, min(len(texts), first + columns * height), height):
            block = []
            for place in range(top, min(len(texts), top + height)):
                line = [Segment("  "), *texts[place]]
                if place == self.cursor and self.has_focus:
                    words = "".join(part.text for part in texts[place])
                    line = [Segment(fit_cells(f"{CURSOR} {words}", width), chosen)]
                block.append(line)
            blocks.append(block)
        return place_side_by_side(blocks, width + GAP)


class ClassErrors(ConfusionList):
    """How many samples of each class are predicted wrongly, and as what most often.

    With enough space there is a bar beside it, and precision and recall.
    """

    def on_mount(self) -> None:
        self.border_subtitle = "← → past the edge: next list"

    def targets(self) -> list[Target]:
        return [(actual, None) for actual in range(len(self.confusion))]

    def texts(self, width: int) -> list[StyledLine]:
        text, quiet, bar = (self.parts[name] for name in ("text", "quiet", "bar"))
        found, scores = class_errors(self.confusion), class_scores(self.confusion)
        most, names = max(each.errors for each in found), self.names
        label = widest_label((name_of(names, each.actual) for each in found), LONGEST_LABEL)
        long = LONG + 2 * (label - 1)
        # Names are shortened before words are, down to a few letters.
        is_short = width < LONG + 2 * (min(label, LEAST_LABEL) - 1)
        free = min(width, long) if width else 0
        words = align_errors(found, names, short=is_short, width=free)
        longest = max(map(cell_width, words))
        has_space = self.size.width >= len(SHORT_TITLE) + 1
        title = SHORT_TITLE if is_short and has_space else "Errors by class"
        if width and self.border_title != title:
            self.border_title = title
        lines: list[StyledLine] = []
        for each, score, line in zip(found, scores, words, strict=True):
            has_bar = width >= long + BAR + 2
            parts = [
                Segment(
                    fit_cells(line, longest) if has_bar else line, text if each.errors else quiet
                )
            ]
            if has_bar:
                drawn = draw_bar(each.errors / most if most else 0.0, BAR)
                parts = [*parts, Segment(f"  {drawn}", bar)]
            if width >= long + BAR + SCORES:
                shares = f"recall {share_text(score.recall):>6}"
                shares += f"  precision {share_text(score.precision):>6}"
                parts = [*parts, Segment(f"  {shares}", quiet)]
            lines.append(parts)
        return lines


class ConfusedPairs(ConfusionList):
    """The pairs of classes that are confused most often."""

    def on_mount(self) -> None:
        self.border_title = "Confused most often"

    def targets(self) -> list[Target]:
        return [(pair.actual, pair.predicted) for pair in self._pairs()]

    def _pairs(self) -> list[ConfusedPair]:
        return confused_pairs(self.confusion)[:MOST_PAIRS]

    def texts(self, width: int) -> list[StyledLine]:
        text, quiet = self.parts["text"], self.parts["quiet"]
        pairs = self._pairs()
        if not pairs:
            return [[Segment("no errors", quiet)]]
        return [[Segment(describe_pair(pair, self.names, width), text)] for pair in pairs]

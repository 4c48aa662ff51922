"""Images of digits, each with the prediction and the probabilities of classes."""

from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.class_names import DIGITS
from core.digit import Digit
from tui.preferences import Preferences
from tui.text.formats import widest_label
from tui.widgets.canvas import Canvas, StyledLine, center_text
from tui.widgets.cards.card import card_style, draw_card, shown_style
from tui.widgets.cards.card_layout import LABEL_WIDTH, CardLayout, arrange_cards

SEEN = ("temperature", "digit_style", "all_classes", "ascii", "slow")  # preferences


class DigitCards(Canvas):
    """As many cards as fit, which share all of the widget's area.

    `large` cards fill a whole view: few of them with bars are preferred to many without.
    """

    PICTURE = True
    COMPONENT_CLASSES = {
        f"digits--{name}" for name in ("ink", "quiet", "right", "wrong", "doubt", "line", "focus")
    }

    class Selected(Message):
        """A card was clicked. Its view decides what that does."""

        def __init__(self, digit: Digit, position: int) -> None:
            super().__init__()
            self.digit, self.position = digit, position

    class Resized(Message):
        """Another number of digits may fit."""

    digits: var[tuple[Digit, ...]] = var((), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    # The prediction at the epoch before, by a digit's index.
    previous: var[dict[int, int]] = var(dict, init=False)
    # The position in `digits` of the card whose border shows the focus.
    selected: var[int | None] = var[int | None](None, init=False)
    names: var[tuple[str, ...]] = var(DIGITS, init=False)  # of the classes, before the first digit
    # Shown while there are no digits.
    placeholder: var[str] = var("", init=False)

    def __init__(self, placeholder: str, *, large: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(DigitCards.placeholder, placeholder)
        self._large = large

    @property
    def card_layout(self) -> CardLayout:
        preferences = self.preferences
        names = self.digits[0].class_names if self.digits else self.names
        return arrange_cards(
            *self.size,
            len(names),
            widest_label(names, LABEL_WIDTH),
            style=shown_style(self, preferences),
            all_classes=preferences.all_classes,
            is_large=self._large,
        )

    @property
    def columns(self) -> int:
        return self.card_layout.columns

    @property
    def capacity(self) -> int:
        """How many digits fit, 0 while the widget is hidden."""
        return self.card_layout.capacity if self.size else 0

    watch_digits = watch_previous = watch_placeholder = watch_selected = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in SEEN):
            self.draw()

    @property
    def selected_place(self) -> int | None:
        """The position of the selected card: the last one where there are fewer than before."""
        last = len(self.digits[: self.capacity]) - 1
        return None if self.selected is None or last < 0 else min(self.selected, last)

    def move_selection(self, by: int) -> bool:
        """Select the card `by` places after the selected one; return False where there is none."""
        moved = (self.selected_place or 0) + by
        is_there = 0 <= moved < len(self.digits[: self.capacity])
        if is_there:
            self.selected = moved
        return is_there

    def on_resize(self) -> None:  # Canvas draws it too
        self.post_message(self.Resized())

    def on_click(self, event: Click) -> None:
        layout = self.card_layout
        offset = event.get_content_offset(self)
        if offset is None:
            return
        column, row = offset.x // layout.width, offset.y // layout.height
        position = row * layout.columns + column
        if column < layout.columns and position < len(self.digits[: layout.capacity]):
            self.post_message(self.Selected(self.digits[position], position))

    def _previous(self, digit: Digit) -> int | None:
        before = self.previous.get(digit.index)
        return None if before == digit.predicted else before

    def draw(self) -> None:
        if not self.digits:
            self.paint(center_text(self.placeholder, self.size, self.parts["quiet"]))
            return
        layout, style = self.card_layout, card_style(self, self.preferences)
        shown, columns = self.digits[: layout.capacity], layout.columns
        selected = self.selected_place
        is_plain = style.temperature == 1 or layout.bars == "none"
        how = "softened" if style.temperature > 1 else "sharpened"
        note = "" if is_plain else f"bars {how}"
        # The last card of the first row says by how much; a view of large cards has a caption.
        noted = -1 if is_plain or self._large else min(columns, len(shown)) - 1
        temperature = f"bars at temperature {style.temperature:g}"
        cards = [
            draw_card(
                digit,
                layout,
                style,
                previous=self._previous(digit),
                is_selected=position == selected,
                note=temperature if position == noted else note,
            )
            for position, digit in enumerate(shown)
        ]
        lines: list[StyledLine] = []
        for start in range(0, len(cards), columns):
            for row in zip(*cards[start : start + columns], strict=True):
                lines.append([segment for card in row for segment in card])
        self.paint(lines)

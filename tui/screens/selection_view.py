"""The digits of one selection, for example of a cell of the confusion matrix."""

from textual.binding import Binding
from textual.content import Content

from tui.analysis.digit_selection import DigitSelection
from tui.screens.captions import key, line
from tui.screens.digits import DigitsView


class SelectionView(DigitsView):
    """A view that is opened over another one, and closed with esc."""

    BINDINGS = [Binding("escape", "app.pop_screen", "Back")]
    CAN_SELECT = False

    def __init__(self, selection: DigitSelection, title: str, mode: str) -> None:
        super().__init__(selection)
        self._title = title
        self.MODE = mode  # the heading marks the view that opened this one

    def top_line(self) -> Content:
        return line(key("esc", "back", "app.pop_screen"), Content(self._title))

"""A part about a class that is chosen from all of them, in a line of their names."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.screens.captions import between, key
from tui.screens.digits_caption import class_strip
from tui.screens.why.part import Part
from tui.screens.why.pictures import order_classes


class TargetPart(Part):
    """The class is chosen by ↑ and ↓ or a click, the likeliest ones first. A subclass says how the
    line begins, which place of the order is the first choice, and what is below the line."""

    ASKS = ""
    FIRST = 0
    DEFAULT_CSS = """
    TargetPart {
        #target { height: 1; }
        Horizontal { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._chosen: int | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="target")
        yield from self.below()

    def below(self) -> ComposeResult:
        """Yield the widgets below the line of classes."""
        yield from ()

    def show_below(self) -> None:
        """Update the widgets below the line."""

    def forget(self) -> None:
        """Forget the answer: another class was chosen, or another image."""

    @property
    def target(self) -> int:
        """The class that the question is about."""
        ordered = order_classes(self.digit)
        is_there = self._chosen is not None and self._chosen < len(ordered)
        return self._chosen if is_there else ordered[min(self.FIRST, len(ordered) - 1)]  # type: ignore[return-value]

    def keep_target(self) -> int:
        """Return the class to ask about. It stays chosen when newer weights change the order."""
        self._chosen = self.target
        return self._chosen

    def reset(self) -> None:
        self._chosen = None
        self.forget()
        self.redraw()

    def choose(self, number: int | None) -> None:
        self._chosen = number
        self.forget()
        self.redraw()
        self.ask()

    def move(self, rows: int, columns: int) -> bool:
        if rows:
            ordered = order_classes(self.digit)
            self.choose(ordered[(ordered.index(self.target) + rows) % len(ordered)])
        return bool(rows)

    def move_to_end(self, *, last: bool) -> None:
        self.choose(order_classes(self.digit)[-1 if last else 0])

    def show(self) -> None:
        digit = self.digit
        ordered = order_classes(digit)
        place, names = ordered.index(self.target), digit.class_names
        space = self.size.width - len(self.ASKS) - len("  ↑  ↓ ")
        strip = class_strip(ordered, place, names, space, "choose")
        up, down = key("↑", "", "move(-1, 0)"), key("↓", "", "move(1, 0)")
        line = Content(f"{self.ASKS} ") + between(up, strip, down)
        self.query_one("#target", Static).update(line)
        self.show_below()

"""The area to draw on: with the mouse by dragging, or with the keyboard."""

from __future__ import annotations

from collections import deque
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.binding import Binding
from textual.color import Color
from textual.content import Content
from textual.events import Blur, Hide, MouseDown, MouseMove, MouseRelease, MouseUp
from textual.geometry import Offset, Region
from textual.message import Message
from textual.reactive import var

from tui.drawing.drawing import BLANK, Drawing
from tui.drawing.pen import Point
from tui.preferences import Preferences
from tui.terminal.textual_private import set_border_titles
from tui.text.grey_art import make_palette
from tui.widgets.canvas import Canvas
from tui.widgets.cards.card import shown_style
from tui.widgets.drawing.pace import Pace
from tui.widgets.drawing.pad_lines import PadLayout, PadStyle, choose_layout, draw_pad

FRAME_SECONDS = 1 / 24  # between two drawings of the pad: training waits for each
RIGHT_BUTTON = 3
HINT = "Drag the mouse to draw,", "or use enter and the arrows"
TRAIL = 4  # places of the pen that a slow connection gets first
# What `change` does: each with its key, its name, and whether that has room in a small pad.
CHANGES = {
    "eraser": ("X", "Eraser", True),
    "next_width": ("B", "Width", False),
    "undo": ("u", "Undo", False),
    "redo": ("U", "Redo", False),
    "clear": ("backspace", "Clear", True),
}
SEEN = ("digit_style", "ascii", "slow")  # preferences


class DrawingChanged(Message):
    """The pixels of the drawing are others; sent at most once a frame."""

    def __init__(self, pixels: bytes) -> None:
        super().__init__()
        self.pixels = pixels


class DrawingPad(Canvas, can_focus=True):
    """A drawing, its pen, and what the mouse and the keyboard do with them.

    A pixel is two cells where there is room for it, else a cell shows two pixels.
    """

    PICTURE = True
    ALLOW_SELECT = False  # a drag would select text, and draw all of the screen at each move
    COMPONENT_CLASSES = {"pad--ink", "pad--pen", "pad--quiet"}
    BINDINGS = [
        Binding("enter", "toggle_pen", "Pen", key_display="enter"),
        Binding("up", "step(0, -1)", "Row", show=False),
        Binding("down", "step(0, 1)", "Row", show=False),
        Binding("left", "step(-1, 0)", "Page", show=False),
        Binding("right", "step(1, 0)", "Page", show=False),
    ]

    preferences: var[Preferences] = var(Preferences, init=False)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")
        self._drawing = Drawing()
        self._is_eraser = False  # whether the keyboard and the left button erase
        self._is_held = False  # whether a button of the mouse is down, as far as is known
        self._has_fractions = False  # whether the terminal reports positions inside of cells
        self._pen_cells: deque[Offset] = deque(maxlen=TRAIL)
        self._sent = self._drawing.pixels
        self._pace = Pace(FRAME_SECONDS, self._changed)

    @property
    def pixels(self) -> bytes:
        """The 28×28 pixels row by row, 0 paper and 255 ink."""
        return self._drawing.pixels

    @property
    def is_empty(self) -> bool:
        return self._drawing.is_empty

    def load(self, pixels: bytes) -> None:
        """Show another image of 784 bytes, which undo takes back."""
        self._drawing.load(pixels)
        self._changed()

    # Display

    @property
    def pad_layout(self) -> PadLayout:
        return choose_layout(self.size)

    @property
    def pictures(self) -> list[Region]:
        return [self.content_region] if self.is_on_screen else []

    @property
    def first_cells(self) -> list[Region]:
        """Where the pen is and was last: a slow connection gets the soft stroke afterwards."""
        if not self.is_on_screen:
            return []
        width, corner = self.pad_layout.mark_width, self.content_region.offset
        return [Region(*(corner + cell), width, 1) for cell in dict.fromkeys(self._pen_cells)]

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in SEEN):
            self.draw()

    def draw(self) -> None:
        drawing, layout = self._drawing, self.pad_layout
        erases = drawing.is_erasing if drawing.is_drawing else self._is_eraser
        mark = erases, drawing.is_drawing
        self._pen_cells.append(layout.cell_of(drawing.pen))
        lines = draw_pad(drawing.pixels, drawing.pen, mark, layout, self._style())
        if drawing.pixels == BLANK:
            for y, text in enumerate(HINT, 3 * len(lines) // 4):
                if y != self._pen_cells[-1].y:
                    lines[y] = [Segment(text.center(layout.size.width), self.parts["quiet"])]
        self.paint(lines)
        tool = "eraser" if erases else "pen"
        state = "down" if drawing.is_drawing else "up"
        title = Content(f"{tool} {state} · {drawing.width.name}")
        set_border_titles(self, title, _tools(layout.is_large, self._is_eraser))

    def _style(self) -> PadStyle:
        ink, pen = self.parts["ink"], self.parts["pen"]
        name = shown_style(self, self.preferences)
        if self.preferences.slow:  # colours of its own for each step of the pen: 80 bytes
            pen = ink + Style(reverse=True)
        if name != "grey" or ink.color is None:
            return PadStyle(name, ink, pen)
        few = not self.app.is_headless and self.app.console.color_system == "256"
        ground, colour = self.background_colors[1], Color.from_rich_color(ink.color)
        return PadStyle(name, ink, pen, make_palette(ground, colour, few=few))

    def _changed(self) -> None:
        """Show the drawing with the next frame, at once if the last one is long enough ago."""
        if self._pace.is_due():
            self._show()

    def _show(self) -> None:
        self.draw()
        if (pixels := self.pixels) != self._sent:
            self._sent = pixels
            self.post_message(DrawingChanged(pixels))

    # The mouse

    @on(MouseDown)
    def _press(self, event: MouseDown) -> None:
        if self._is_held and not self.region.contains_point(event.screen_offset):
            self.end_drag()  # its release never came, and this is a click somewhere else
            return
        x, y = event.pointer_x, event.pointer_y
        if not Region(self.gutter.left, self.gutter.top, *self.pad_layout.size).contains(
            int(x // 1), int(y // 1)
        ):
            return
        at = self._position(x, y)
        self.capture_mouse()
        self._is_held = True
        erases = self._is_eraser or event.button == RIGHT_BUTTON
        self._drawing.press(at, erase=erases)
        self._changed()

    @on(MouseMove)
    def _drag(self, event: MouseMove) -> None:
        event.stop()  # the widgets around this one need not handle it too
        self.drag(event.pointer_x, event.pointer_y, event.button)

    def drag(self, x: float, y: float, button: int) -> None:
        """Follow the mouse to a place in this widget's cells, fractions included, while it draws.
        `button` is 0 where none is down: then the release was lost, outside of the window."""
        if self._is_held and not button:
            self.end_drag()
        elif self._is_held:
            self._drawing.move(self._position(x, y))
            self._changed()

    # The last three: something else has the mouse, the window or another widget has the focus, or
    # there is no room for this one.
    @on(MouseUp)
    @on(MouseRelease)
    @on(Blur)
    @on(Hide)
    def end_drag(self) -> None:
        """End a stroke of the mouse, if one is being drawn. What it has drawn stays."""
        if self._is_held:
            self._is_held = False
            self.release_mouse()
            self._drawing.lift()
            self._changed()

    def _position(self, x: float, y: float) -> Point:
        """Return the position of the mouse, in this widget's cells, in the image.

        Most terminals report the cell: then it is the middle of that.
        """
        x, y = x - self.gutter.left, y - self.gutter.top
        self._has_fractions |= x != int(x) or y != int(y)
        middle = 0.0 if self._has_fractions else 0.5
        return self.pad_layout.to_pixels(x + middle, y + middle)

    # The keyboard

    def action_toggle_pen(self) -> None:
        """Put the pen down, or lift it."""
        self.end_drag()
        if self._drawing.is_drawing:
            self._drawing.lift()
        else:
            self._drawing.press(erase=self._is_eraser)
        self._changed()

    def action_step(self, columns: int, rows: int) -> None:
        self.end_drag()
        self._drawing.step(columns, rows)
        self._changed()

    def change(self, what: str) -> None:
        """Do one of CHANGES: the eraser or the pen, the next width, undo, redo, clear."""
        self.end_drag()
        if what == "eraser":
            self._toggle_eraser()
        elif getattr(self._drawing, what)() is False:
            self.notify(f"There is nothing to {what}.")
        self._changed()

    def _toggle_eraser(self) -> None:
        """Change from the pen to the eraser, or back; one that is down stays down."""
        self._is_eraser = not self._is_eraser
        if self._drawing.is_drawing:
            self._drawing.press(erase=self._is_eraser)


@lru_cache
def _tools(is_large: bool, is_eraser: bool) -> Content:
    """Return the keys of the pad, each clickable; where there is little room, shortened."""
    tools = []
    for what, (key, label, is_always) in CHANGES.items():
        shown = "Pen" if what == "eraser" and is_eraser else label
        is_short = not is_large and len(key) > 1  # a click needs no key
        words = [Content(shown)] if is_large or is_always else []
        keys = [] if is_short else [Content.styled(key, "bold")]
        tool = Content(" ").join([*keys, *words])
        tools.append(tool.stylize(f"@click=app.simulate_key('{key}')"))
    return Content("  ").join(tools)

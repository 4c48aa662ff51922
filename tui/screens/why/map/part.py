"""The map: test images by what the last hidden layer computes, and this image among them."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.reactive import var
from textual.widgets import Static

from core.data.drawn.store import KeptDrawing
from core.digit import Digit
from core.questions import MOST_MAP_IMAGES, ExplainMap, Question
from core.responses.explanations import Explanation, MapExplained
from tui.screens.base import View, app_of
from tui.screens.captions import set_text
from tui.screens.why.map.map_text import about_point, legend
from tui.screens.why.part import Part
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.text.formats import printable
from tui.widgets.cards.one_digit import OneDigit
from tui.widgets.explain.map_grid import MapPoint
from tui.widgets.explain.map_plane import MapPlane

# Columns and lines of the part from which on the image is drawn large.
WIDE, TALL = 100, 24
PLACING = "Placing the test images…"
MOST_DRAWINGS = MOST_MAP_IMAGES - 1  # kept ones on the map, those that were kept last


class MapPart(Part):
    """A plane of images with a cursor, and the image under it.

    It is asked for anew after each evaluation of the run while it is in front.
    """

    BINDINGS = [
        Binding("H", "step_filter", "Only"),
        Binding("J", "step_in_cell", "Same place", show=False),
        Binding("number_sign", "go_to", "Go to", show=False),
    ]

    answer: var[MapExplained | None] = var(None, init=False)  # the newest complete one

    def __init__(self) -> None:
        super().__init__()
        self._drawings: tuple[KeptDrawing, ...] = ()  # those that were sent with the question
        self._is_asking = False
        self._refusal = ""
        self._is_outdated = False  # whether there was an evaluation meanwhile

    def compose(self) -> ComposeResult:
        with Vertical(id="plane"):
            yield MapPlane()
            yield Static(id="legend")
        with Container(id="side"):
            yield OneDigit().data_bind(Part.preferences)
            yield Static(id="point")

    def on_mount(self) -> None:
        self.watch(self.screen, "app_state", self._follow_app, init=False)
        self.watch(self.screen, "run_state", self._follow_run, init=False)
        app_of(self.screen).kept.refresh()

    @property
    def _view(self) -> View:
        return cast(View, self.screen)

    @property
    def _plane(self) -> MapPlane:
        return self.query_one(MapPlane)

    # Questions and answers

    def question(self) -> Question | None:
        self._is_asking, self._is_outdated, self._refusal = True, False, ""
        kept = self._view.app_state.kept.drawings or ()
        self._drawings = tuple(sorted(kept, key=lambda each: each.number)[-MOST_DRAWINGS:])
        own = (each.pixels for each in self._drawings)
        return ExplainMap(images=(self.digit.pixels, *own))

    def receive(self, answer: Explanation) -> None:
        if isinstance(answer, MapExplained) and answer.done >= 1:
            self.answer, self._is_asking = answer, False
            if self._is_outdated:
                self.ask_newest()
        self.redraw()

    def give_up(self, reason: str) -> None:
        self._is_asking, self._is_outdated, self._refusal = False, False, reason
        self.redraw()

    def reset(self) -> None:
        """Keep the map for another image: only what is its own is out of date."""
        if self.answer:
            self.answer = replace(self.answer, own_xs=(), own_ys=(), own_predicted=())
        self.redraw()

    def _follow_app(self, before: AppState, after: AppState) -> None:
        if before.kept.drawings != after.kept.drawings and self.display and self.answer:
            self.ask()  # they were listed after the question
        self.redraw()

    def _follow_run(self, before: RunState, after: RunState) -> None:
        if before.started is not after.started:
            self.answer, self._is_asking = None, False
        is_newer = before.evaluation is not after.evaluation and after.evaluation is not None
        if is_newer and self.display and self._view.opened_path is None:
            if self._is_asking:  # epochs may be shorter than an answer takes
                self._is_outdated = True
            else:
                self.ask_newest()
        self.redraw()

    # The cursor

    def move(self, rows: int, columns: int) -> bool:
        self._plane.move(columns, rows)
        return True

    def move_to_end(self, *, last: bool) -> None:
        self._plane.move_to_end(last=last)

    def open(self) -> None:
        """Explain the image under the cursor."""
        digit = self._digit_here()
        if digit:
            self.post_message(self.Explain(digit))

    def action_step_in_cell(self) -> None:
        self._plane.step_in_cell(1)

    def action_step_filter(self) -> None:
        """Show the mistakes alone, then one class after the other, then all images again."""
        plane, count = self._plane, len(self.answer.class_names) if self.answer else 0
        if plane.only_mistakes:
            plane.only_mistakes, plane.only_class = False, 0
        elif plane.only_class is None:
            plane.only_mistakes = True
        else:
            following = plane.only_class + 1
            plane.only_class = following if following < count else None
        self.redraw()

    def action_go_to(self) -> None:
        from tui.screens.number_dialogs import GotoDialog

        def go(index: int | None) -> None:
            if index is not None and self.answer:
                self._plane.go_to(self.answer.indices, index)

        if self.answer and self.answer.indices:
            self.app.push_screen(GotoDialog(max(self.answer.indices) + 1), go)

    @on(MapPlane.Moved)
    def _look(self) -> None:
        self.redraw()
        app_of(self.screen).request_digits(at_once=True)

    # The image under the cursor

    @property
    def _point(self) -> MapPoint | None:
        plane = self._plane
        found = (each for each in plane.points if each.place == plane.cursor)
        return next(found, None)

    def wanted_digits(self) -> tuple[int, ...]:
        point = self._point if self.is_mounted else None
        if point is None or point.is_own or self.answer is None:
            return ()
        return (self.answer.indices[point.place],)

    def _drawing(self, point: MapPoint) -> KeptDrawing | None:
        """Return the kept drawing at a point."""
        place = point.place - len(self.answer.xs) - 1 if self.answer else -1
        return self._drawings[place] if 0 <= place < len(self._drawings) else None

    def _digit_here(self) -> Digit | None:
        """Return the test image under the cursor, once it has been read."""
        point = self._point
        if point is None or point.is_own or self.answer is None:
            return None
        view = self._view
        opened = view.app_state.opened.digits if view.app_state.opened else ()
        index = self.answer.indices[point.place]
        known = (*view.run_state.digits, *opened)
        return next((each for each in known if each.index == index), None)

    def _pixels_here(self) -> bytes | None:
        point, digit = self._point, self._digit_here()
        if point and point.is_own:
            drawing = self._drawing(point)
            return drawing.pixels if drawing else self.digit.pixels
        return digit.pixels if digit else None

    # Display

    def on_resize(self) -> None:
        self.set_class(self.size.width >= WIDE and self.size.height >= TALL, "-large")

    def show(self) -> None:
        plane, answer = self._plane, self.answer
        why = printable(self._refusal)
        plane.placeholder = f"✗ {why[0].upper()}{why[1:]}." if why else PLACING
        plane.answer = answer
        self.query_one(OneDigit).pixels = self._pixels_here()
        set_text(self, "#legend", legend(plane, answer, plane.size.width))
        point = self._point
        drawing = self._drawing(point) if point else None
        set_text(
            self, "#point", about_point(plane, point, answer, drawing.label if drawing else None)
        )

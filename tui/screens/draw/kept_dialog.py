"""The dialog that looks through the drawings that are kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Static

from core.class_names import DIGITS
from core.data.drawn.store import KeptDrawing, delete_drawing, restore_drawing
from core.data.images import natural_key
from core.errors import UserError
from tui.preferences import Preferences
from tui.screens.base import app_of
from tui.screens.captions import set_text, show_message
from tui.state.kept_drawings import KeptDrawings, describe_answer, describe_kept
from tui.text.formats import class_label, fit_cells, printable, widest_label
from tui.widgets.cards.one_digit import OneDigit

if TYPE_CHECKING:
    from tui.state.app_state import AppState

MOST_ROWS = 1_000
LABEL_WIDTH = 14
EMPTY = "No drawings are kept yet: K in the view keeps one."
BUTTONS = {"Load": "load", "Delete": "delete", "Undo": "undo", "Class": "which(1)", "Back": "close"}


class KeptDialog(ModalScreen[KeptDrawing | None]):
    """Return the drawing to load, or None."""

    CSS_PATH = "kept_dialog.tcss"
    AUTO_FOCUS = "OptionList"
    BINDINGS = [
        Binding("escape", "close", "Back", show=False),
        Binding("delete", "delete", "Delete file", show=False),
        Binding("u", "undo", "Undo", show=False),
        Binding("f", "which(1)", "Which", show=False),
        Binding("F", "which(-1)", "Which", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._kept = KeptDrawings()
        self._label: str | None = None  # of the drawings that are listed; None for all
        self._rows: list[KeptDrawing] = []
        self._texts: list[str] = []  # of the rows

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Kept drawings"
            dialog.border_subtitle = "enter load · del delete · u undo · f class · esc back"
            yield Static(id="score")
            with Horizontal(id="drawings"):
                yield OptionList(compact=True, markup=False)
                with Vertical(id="shown"):
                    yield OneDigit(id="picture")
                    yield Static(id="caption")
            yield Static(id="message")
            with Horizontal(id="buttons"):
                for label, action in BUTTONS.items():
                    yield Button(label, compact=True, action=f"screen.{action}")

    def on_mount(self) -> None:
        self.watch(self.app, "app_state", self._follow)
        self.watch(self.app, "preferences", self._prefer)

    def _prefer(self, preferences: Preferences) -> None:
        self.query_one(OneDigit).preferences = preferences

    def _follow(self, state: AppState) -> None:
        if state.kept is not self._kept or not self._texts:
            self._kept = state.kept
            self._show()

    def _show(self) -> None:
        """Show the rows; where these are the same drawings, only the answers that have changed."""
        found = [each for each in self._kept.newest_first if self._label in (None, each.label)]
        rows, texts = found[:MOST_ROWS], []
        width = widest_label((each.label for each in rows), LABEL_WIDTH)
        texts = [self._row(each, width) for each in rows]
        options = self.query_one(OptionList)
        if rows == self._rows:
            for place, (before, text) in enumerate(zip(self._texts, texts, strict=True)):
                if text != before:
                    options.replace_option_prompt_at_index(place, Content(text))
        else:
            place = options.highlighted or 0
            options.clear_options()
            options.add_options([Content(text) for text in texts])
            options.highlighted = min(place, len(rows) - 1) if rows else None
        self._rows, self._texts = rows, texts
        self._show_score(len(found))
        self._show_drawing()

    def _row(self, drawing: KeptDrawing, width: int) -> str:
        sign, answer = describe_answer(drawing, self._kept)
        label = fit_cells(class_label(drawing.label, width), width)
        said = f"predicted {class_label(answer)}" if answer else ""
        return f"{sign} {label}  {said}"

    def _show_score(self, count: int) -> None:
        network = app_of(self).app_state.drawing.network
        text = describe_kept(self._kept, network.class_names if network else DIGITS)
        if self._label is not None:
            text += f" · {count:,} shown: {class_label(self._label)}"
        if count > MOST_ROWS:
            text += f" · the newest {MOST_ROWS:,}"
        if self._kept.report:
            text += f" · {self._kept.report}"
        set_text(self, "#score", printable(text))
        if not self._rows and not self._kept.error:
            show_message(self, EMPTY)

    @property
    def _selected(self) -> KeptDrawing | None:
        place = self.query_one(OptionList).highlighted
        return self._rows[place] if place is not None and place < len(self._rows) else None

    @on(OptionList.OptionHighlighted)
    def _show_drawing(self) -> None:
        drawing = self._selected
        self.query_one(OneDigit).pixels = drawing.pixels if drawing else None
        set_text(self, "#caption", printable(drawing.path) if drawing else "")

    @on(OptionList.OptionSelected)
    def action_load(self) -> None:
        if drawing := self._selected:
            self.dismiss(drawing)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_which(self, by: int) -> None:
        """List the drawings of the next class, or all."""
        kept = {each.label for each in self._kept.drawings or ()}
        labels: list[str | None] = [None, *sorted(kept, key=natural_key)]
        here = labels.index(self._label) if self._label in labels else 0
        self._label = labels[(here + by) % len(labels)]
        self.query_one(OptionList).highlighted = None
        self._show()

    @work(exit_on_error=False)
    async def action_delete(self) -> None:
        drawing = self._selected
        if drawing is None:
            return
        kept = app_of(self).kept
        try:
            await asyncio.to_thread(delete_drawing, drawing)
        except UserError as error:
            show_message(self, f"✗ {error}", wrong=True)
            return
        kept.deleted.append(drawing)
        kept.refresh()
        show_message(self, printable(f"Deleted {drawing.path}. u restores it."))

    @work(exit_on_error=False)
    async def action_undo(self) -> None:
        kept = app_of(self).kept
        if not kept.deleted:
            show_message(self, "Nothing was deleted since the program was started.")
            return
        drawing = kept.deleted.pop()
        try:
            restored = await asyncio.to_thread(restore_drawing, drawing)
        except UserError as error:
            kept.deleted.append(drawing)
            show_message(self, f"✗ {error}", wrong=True)
            return
        kept.refresh()
        show_message(self, printable(f"Restored {restored.path}."))

"""The dialogs that edit a run's name or note, and that confirm pruning."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from core.errors import UserError, first_line
from tui.text.formats import format_size, printable
from tui.widgets.line_input import LineInput


def error_message(error: Exception) -> str:
    """Return the whole message of a UserError: a name in it may have line breaks."""
    return str(error) if isinstance(error, UserError) else first_line(error)


class EditDialog(ModalScreen[Any]):
    """Edits one line of text and applies it with `act`; shows why where that fails.

    Returns the result of `act`; None where the dialog was cancelled.
    """

    CSS_PATH = "manage_dialogs.tcss"
    AUTO_FOCUS = "#text"
    BINDINGS = [Binding("escape", "dismiss(None)", "Back", show=False)]

    def __init__(self, title: str, label: str, text: str, act: Callable[[str], Any]) -> None:
        super().__init__()
        self._heading, self._label, self._text = title, label, text
        self._act, self._is_applying = act, False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = self._heading
            dialog.border_subtitle = "enter apply · esc cancel"
            yield Static(Content(printable(self._label)), id="label")
            yield LineInput(printable(self._text), compact=True, id="text")
            yield Static(id="error")
            with Horizontal(id="buttons"):
                yield Button(
                    "Apply", id="apply", variant="success", compact=True, action="screen.apply"
                )
                yield Button("Cancel", id="back", compact=True, action="screen.dismiss(None)")

    @on(Input.Submitted)
    def action_apply(self) -> None:
        if not self._is_applying:
            self._is_applying = True
            self._apply(self.query_one(Input).value)

    @work(exit_on_error=False)
    async def _apply(self, text: str) -> None:
        try:
            result = await asyncio.to_thread(self._act, text)
        except Exception as error:  # a failing disk must not end the app
            self._is_applying = False
            self._show_error(f"✗ {printable(error_message(error))}")
        else:
            if self.is_current:  # else the dialog was cancelled meanwhile
                self.dismiss(result)

    @on(Input.Changed)
    def _clear_error(self) -> None:
        self._show_error("")

    def _show_error(self, why: str) -> None:
        self.query_one("#error", Static).update(Content(why))
        self.query_one(Input).set_class(bool(why), "wrong")


class PruneDialog(ModalScreen[bool]):
    """Returns True to prune."""

    CSS_PATH = "manage_dialogs.tcss"
    AUTO_FOCUS = "#prune"
    BINDINGS = [
        Binding("y", "dismiss(True)", "Prune", show=False),
        Binding("n,escape", "dismiss(False)", "Back", show=False),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, run: str, files: int, size: int) -> None:
        super().__init__()
        others = "1 other moves" if files == 1 else f"{files} others move"
        self._question = (
            f"Keep the best and the last checkpoint of {printable(run)}? {others} to the trash, "
            f"where u can restore them. Emptying the trash frees {format_size(size)}."
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Prune"
            dialog.border_subtitle = "y prune · esc cancel"
            yield Label(Content(self._question), id="label")
            with Horizontal(id="buttons"):
                yield Button(
                    "Prune (y)",
                    id="prune",
                    variant="success",
                    compact=True,
                    action="screen.dismiss(True)",
                )
                yield Button("Cancel (n)", id="back", compact=True, action="screen.dismiss(False)")

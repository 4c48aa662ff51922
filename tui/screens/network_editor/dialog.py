"""The dialog that edits a network as text; its layers and their sizes follow the typing."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static, TextArea

from core.errors import UsageError
from core.models.architectures import ARCHITECTURES, CUSTOM, text_of
from core.models.layer_kinds import KINDS
from core.models.network_file.named import is_file_spec
from core.models.network_text import normalize_text, shorten
from core.models.networks import Network
from core.models.saved_networks import check_name, list_saved, save_network, saved_file
from tui.screens.base import app_of
from tui.screens.captions import set_text, show_message
from tui.screens.dialogs import HelpDialog
from tui.screens.network_editor.draft import Draft, Place, read_draft
from tui.screens.network_editor.text_input import NetworkInput
from tui.text.formats import plural, printable
from tui.text.network_help import explain_kind, explain_layers
from tui.text.settings import find_spec, network_name
from tui.widgets.layers.layer_table import LayerTable
from tui.widgets.layers.network_diagram import NetworkDiagram

# As wide as a dialog in 80 columns.
SYNTAX = "Commas between layers · 3 x (…) repeats · skip (…) adds its input · f1: more"
EXAMPLE = "quick"  # to start from, where the selected network is a Python file
ERROR_TITLE = "Layers before the error"


class NetworkDialog(ModalScreen[str | None]):
    """Return the network as a config names it: a built-in name or a text; None if cancelled."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "NetworkInput"
    # The drawing stands beside the table, or above it, where there is room.
    HORIZONTAL_BREAKPOINTS = [(0, "-stacked"), (110, "-beside"), (170, "-spacious")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (38, "-high")]
    BINDINGS = [
        Binding("escape", "back", "Back", show=False),
        Binding("f1", "explain", "Help", show=False),
        Binding("ctrl+s", "save", "Save network", show=False),
    ]

    def __init__(self, spec: str, names: tuple[str, ...]) -> None:
        """`spec` is the network to start from, `names` are those of its classes."""
        super().__init__()
        self._is_file = is_file_spec(spec)
        self._text, self._names = text_of(EXAMPLE if self._is_file else spec), names
        read_draft.cache_clear()  # names may have been saved since
        self._replaced = ""  # a saved name, which was asked about
        self._kept = self._text  # what esc may leave without a question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_subtitle = "enter use · ctrl+s save a name · f1 layers · esc back"
            yield NetworkInput(self._text, self._find_wrong)
            yield Static(id="message")
            with Horizontal(id="parts"):
                diagram = NetworkDiagram(self._names)
                diagram.preferences = app_of(self).preferences
                diagram.border_title = "Drawing"
                yield diagram
                yield LayerTable()
            yield Static(id="layer")
            yield Static(Content(SYNTAX), id="syntax")
            with Horizontal(id="buttons"):
                yield Button("Use", id="use", compact=True, action="screen.use")
                yield Button("Save…", id="save", compact=True, action="screen.save")
                yield Button("Layers", compact=True, action="screen.explain")
                yield Button("Cancel", compact=True, action="screen.dismiss(None)")

    def on_mount(self) -> None:
        field = self.query_one(NetworkInput)
        field.move_cursor(field.document.end)
        self.show()
        if self._is_file:
            self.notify(f"A Python file has no layers as text: these are those of {EXAMPLE}.")

    # What is typed

    @property
    def draft(self) -> Draft:
        return read_draft(self.query_one(NetworkInput).text, len(self._names))

    def _find_wrong(self, text: str) -> Place:
        return read_draft(text, len(self._names)).wrong

    @on(TextArea.Changed)
    def show(self) -> None:
        """Show the network of the text, or its error."""
        draft = self.draft
        if draft.network:
            show_message(self, _describe(draft.network))
        else:
            show_message(self, f"✗ {printable(draft.problem)}", wrong=True)
        self._set_title(draft)
        table, diagram = self.query_one(LayerTable), self.query_one(NetworkDiagram)
        table.border_title = "Layers" if draft.network else ERROR_TITLE
        table.network = diagram.network = draft.described
        self._mark()

    def _set_title(self, draft: Draft) -> None:
        name = network_name(find_spec(draft.network)) if draft.network else CUSTOM
        self.query_one(".dialog").border_title = Content(f"Network as text: {name}")

    @on(TextArea.SelectionChanged)
    def _mark(self) -> None:
        """Select the layer at the cursor in the table and in the drawing."""
        position = self.draft.layer_at(self.query_one(NetworkInput).column)
        for part in (self.query_one(LayerTable), self.query_one(NetworkDiagram)):
            part.selected = position
        place = self.draft.place_of(position)
        name = (
            self.query_one(NetworkInput).text[slice(*place)].split()[0].casefold() if place else ""
        )
        set_text(self, "#layer", f"{name}: {explain_kind(KINDS[name])}" if name in KINDS else "")

    @on(LayerTable.Selected)
    def _go_to(self, event: LayerTable.Selected) -> None:
        """Move the cursor to a layer that was clicked."""
        if place := self.draft.place_of(event.position):
            self._move_cursor(place[1])

    def _move_cursor(self, column: int) -> None:
        field = self.query_one(NetworkInput)
        field.move_cursor((0, column))
        field.focus()

    # What is done with it

    @on(NetworkInput.Submitted)
    def action_use(self) -> None:
        if network := self._correct_network():
            self.dismiss(find_spec(network))

    def action_back(self) -> None:
        """Leave; a text that was edited and not saved only when asked twice."""
        text = self.query_one(NetworkInput).text
        if text.strip() in ("", self._kept.strip()):
            self.dismiss(None)
        else:
            self._kept = text
            show_message(self, "Not saved: esc again leaves this text, ctrl+s saves it.")

    def _correct_network(self) -> Network | None:
        """Return the network; None where the text is wrong, and the cursor goes there."""
        draft, field = self.draft, self.query_one(NetworkInput)
        if draft.network is None:
            start, end = draft.wrong
            if not start <= field.column <= end + 1:  # else the cursor is already there
                self._move_cursor(end)
            field.focus()
            self.app.bell()
        return draft.network

    def action_explain(self) -> None:
        self.app.push_screen(HelpDialog(explain_layers()))

    def action_save(self) -> None:
        from tui.screens.checkpoints.manage_dialogs import EditDialog

        network = self._correct_network()
        if network is None:
            return
        name = network_name(find_spec(network))
        label = f"A name for this network. Saved networks are in {saved_file()}."
        name = "" if name in ARCHITECTURES or name == CUSTOM else name
        self._replaced = ""

        def save(name: str) -> str:
            return self._save(name.strip(), network.text)

        self.app.push_screen(EditDialog("Save the network", label, name, save), self._saved)

    def _save(self, name: str, text: str) -> str:
        """Save the text, and return its name. Raises UsageError, once for a name that has another
        text."""
        check_name(name)
        before = list_saved().get(name)
        if before and normalize_text(before) != text and name != self._replaced:
            self._replaced = name
            raise UsageError(
                f"{name} is the name of {shorten(before)}: press enter again to replace that"
            )
        save_network(name, text)
        return name

    def _saved(self, name: str | None) -> None:
        if name:
            network_name.cache_clear()
            read_draft.cache_clear()  # a text may be the name
            self._kept = self.query_one(NetworkInput).text
            self._set_title(self.draft)
            show_message(
                self, f"✓ Saved as {name} in {printable(str(saved_file()))}. enter uses it."
            )


def _describe(network: Network) -> str:
    """Return the parameters and multiply-adds of a network."""
    count = plural(len(network.layers), "layer")
    work = f"{network.multiply_adds:,} multiply-adds an image"
    return f"✓ {network.parameters:,} parameters · {work} · {count}"

"""A field of one line that selects one of several values from a list."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.reactive import var
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static


class CompactSelect(Static, can_focus=True):
    """Textual's Select in one widget instead of eight, which opens the form twice as fast.

    Only enter opens it: space and the arrows are keys of the app.
    """

    BINDINGS = [Binding("enter", "choose", "Choose", show=False)]

    value: var[str] = var("", init=False)

    @dataclass
    class Changed(Message):
        choice: "CompactSelect"

        @property
        def control(self) -> "CompactSelect":
            return self.choice

    def __init__(self, options: list[str], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = options
        self.set_reactive(CompactSelect.value, value)

    def watch_value(self) -> None:
        self.draw()
        self.post_message(self.Changed(self))

    def draw(self) -> None:
        room = self.size.width - 2
        self.update(Content(f"{self.value[:room]:{max(0, room)}} ▼"), layout=False)

    on_mount = on_resize = draw

    def on_click(self) -> None:
        self.focus()
        self.action_choose()

    def action_choose(self) -> None:
        def take(value: str | None) -> None:
            self.value = self.value if value is None else value

        self.app.push_screen(SelectOptions(self.options, self.value, self.region), take)


class SelectOptions(ModalScreen[str | None]):
    """The list of values, under the field."""

    DEFAULT_CSS = """
    SelectOptions {
        background: transparent;
        OptionList { height: auto; max-height: 12; border: round $primary; padding: 0; }
    }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, options: list[str], value: str, place: Region) -> None:
        super().__init__()
        self._options, self._value, self._place = options, value, place

    def compose(self) -> ComposeResult:
        # Content, not markup: a name may contain brackets.
        options = OptionList(*map(Content, self._options))
        options.highlighted = self._options.index(self._value)
        options.styles.width = max(self._place.width, 12) + 2
        options.styles.offset = self._place.x - 1, self._place.bottom
        yield options

    def on_click(self) -> None:
        """Close on a click beside the list; OptionList handles those inside it."""
        self.dismiss(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._options[event.option_index])

"""A field of one line that selects a value from a list, and a line that opens more fields."""

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.reactive import var
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from tui.text.formats import shorten_folder

WIDEST = 92  # columns of the list, with its border
Describe = Callable[[str], str]


class CompactSelect(Static, can_focus=True):
    """Textual's Select in one widget instead of eight, which opens the form twice as fast.

    Only enter opens it: space and the arrows are keys of the app.
    """

    DEFAULT_CSS = """
    CompactSelect {
        width: 1fr;
        text-style: bold;
        &:focus { background: $selection; color: $selection-text; }
    }
    """
    BINDINGS = [Binding("enter", "choose", "Open", show=False)]
    KEYS = "enter choose"
    is_locked = False  # it can be focused, and keeps its value

    value: var[str] = var("", init=False)

    @dataclass
    class Changed(Message):
        choice: "CompactSelect"

        @property
        def control(self) -> "CompactSelect":
            return self.choice

    def __init__(
        self,
        options: list[str],
        value: str,
        *,
        title: str = "",
        describe: Describe = lambda value: "",
        id: str | None = None,
    ) -> None:
        """`title` and the description of each value are shown in the list of values."""
        super().__init__(id=id)
        self.options, self._title, self._describe = options, title, describe
        self.set_reactive(CompactSelect.value, value)

    def watch_value(self) -> None:
        self.draw()
        self.post_message(self.Changed(self))

    @property
    def name_shown(self) -> str:
        """The value as the field shows it."""
        return self.value

    def list_values(self) -> dict[str, str]:
        """Return the values of the list by the names that it shows."""
        return {value: value for value in self.options}

    def draw(self) -> None:
        room = max(0, self.size.width - 2)
        self.update(Content(f"{shorten_folder(self.name_shown, room)[:room]} ▼"), layout=False)

    on_mount = on_resize = draw

    def on_click(self) -> None:
        self.focus()
        self.action_choose()

    def action_choose(self) -> None:
        if not self.is_locked:
            self.call_after_refresh(self._open)

    def _end_scrolling(self) -> bool:
        """Return whether the form was still scrolling to the field, which is at rest then: the
        list would open beside the place that the field leaves."""
        animator = self.app.animator
        moving = [each for each in self.ancestors if animator.is_being_animated(each, "scroll_y")]
        for each in moving:
            animator.force_stop_animation(each, "scroll_y")
        return bool(moving)

    def _open(self) -> None:
        if not self.screen.is_current:  # enter was pressed twice
            return
        if self._end_scrolling():
            self.call_after_refresh(self._open)
            return
        values = self.list_values()
        described = {name: self.describe(value) for name, value in values.items()}

        def take(name: str | None) -> None:
            if name is not None:
                self.take(values[name])

        self.app.push_screen(self.make_list(described), take)

    def describe(self, value: str) -> str:
        return self._describe(value)

    def make_list(self, described: dict[str, str]) -> "SelectOptions":
        return SelectOptions(described, self.name_shown, self.region, self._title)

    def take(self, value: str) -> None:
        """Set the value that was selected in the list."""
        self.value = value


class Options(OptionList):
    BINDINGS = [
        Binding("j", "cursor_down", "Row", show=False),
        Binding("k", "cursor_up", "Row", show=False),
        Binding("g", "first", "First", show=False),
        Binding("G", "last", "Last", show=False),
    ]

    def on_click(self, event: Click) -> None:
        event.stop()  # a click beside the list closes it


class SelectOptions(ModalScreen[str | None]):
    """The list of values with their descriptions, under the field, or over it at the bottom."""

    DEFAULT_CSS = """
    SelectOptions {
        background: transparent;
        OptionList { max-height: 100%; padding: 0; }
        OptionList > .option-list--option-highlighted {
            background: $selection; color: $selection-text; text-style: bold;
        }
    }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", "Back")]
    KEYS: ClassVar[str] = "enter select · esc back"

    def __init__(self, options: dict[str, str], value: str, place: Region, title: str) -> None:
        """`options` are the values' names with their descriptions."""
        super().__init__()
        self._options, self._value, self._place, self._title = options, value, place, title

    def compose(self) -> ComposeResult:
        # The last row is the footer's.
        columns, rows = self.app.size.width, self.app.size.height - 1
        names = max(len(shorten_folder(name)) for name in self._options)
        described = max(map(len, self._options.values()))
        width = min(WIDEST, columns, max(names + described + 2, self._place.width, 24) + 4)
        prompts = [self._prompt(name, names, width - 4) for name in self._options]
        height = sum(prompt.plain.count("\n") + 1 for prompt in prompts) + 2
        place = self._place
        below = place.bottom if place.bottom + height <= rows else place.y - height
        options = Options(*prompts, classes="panel")
        options.border_title, options.border_subtitle = self._title, self.KEYS
        options.highlighted = list(self._options).index(self._value)
        options.styles.width, options.styles.height = width, min(height, rows)
        options.styles.offset = max(0, min(place.x - 1, columns - width)), max(0, below)
        yield options

    def _prompt(self, name: str, names: int, width: int) -> Content:
        """Return a value and its description, wrapped at words."""
        # Content, not markup: a name may contain brackets.
        described, name = self._options[name], shorten_folder(name)
        if not any(self._options.values()):
            return Content(name)
        lines = wrap(described, max(8, width - names - 2)) or [""]
        indent = "\n" + " " * (names + 2)
        return Content(f"{name:{names}}  {indent.join(lines)}")

    def on_click(self) -> None:
        """Close on a click beside the list; OptionList handles those inside it."""
        self.dismiss(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(list(self._options)[event.option_index])


class More(Static, can_focus=True):
    """The line that opens and closes the less used settings."""

    DEFAULT_CSS = """
    More {
        width: 100%;
        height: 1;
        &:focus { background: $selection; color: $selection-text; text-style: bold; }
    }
    """
    BINDINGS = [
        Binding("enter", "open(None)", "Open", show=False),
        Binding("right", "open(True)", show=False),
        Binding("left", "open(False)", show=False),
    ]
    KEYS = "enter open"

    is_open: var[bool] = var(False, init=False)

    class Toggled(Message):
        pass

    def draw(self) -> None:
        sign, names = "▼ fewer settings", ""
        if not self.is_open:
            sign, names = "▶ more", ": optimizer, schedule, …"
        self.update(Content(sign + (names if len(sign + names) < self.size.width else " …")))

    on_mount = on_resize = draw

    def watch_is_open(self) -> None:
        self.draw()
        self.post_message(self.Toggled())

    def action_open(self, is_open: bool | None) -> None:
        self.is_open = not self.is_open if is_open is None else is_open

    def on_click(self) -> None:
        self.focus()
        self.action_open(None)

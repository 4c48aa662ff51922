"""The field of the form that selects the network: from a list, or edited as text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding
from textual.geometry import Region
from textual.message import Message
from textual.widgets import OptionList

from core.errors import UserError
from core.models.architectures import ARCHITECTURES
from core.models.networks import resolve_network
from core.models.saved_networks import list_saved
from tui.text.settings import describe_network, find_spec, network_name
from tui.widgets.select import CompactSelect, SelectOptions

EDIT = "new …"  # the last entry of the list
EDIT_HELP = "edit the selected network as text, or write your own"


class NetworkSelect(CompactSelect):
    """Its value is one of ARCHITECTURES or a network's text; it shows the name."""

    @dataclass
    class Edit(Message):
        """This network is to be edited as text."""

        field: "NetworkSelect"
        spec: str

    def __init__(self, value: str, classes: Callable[[], int], *, title: str, id: str) -> None:
        """`classes` returns the number of classes, for the sizes in the list."""
        super().__init__([], value, title=title, id=id)
        self._count_classes = classes

    @property
    def name_shown(self) -> str:
        return network_name(self.value)

    def list_values(self) -> dict[str, str]:
        """Return the built-in and saved networks, the selected one, and the entry that edits."""
        network_name.cache_clear()  # a name may have been added since
        values = {name: name for name in ARCHITECTURES}
        try:
            values |= {name: _spec_of(text) for name, text in list_saved().items()}
        except UserError as error:
            self.notify(str(error), severity="warning", markup=False)
        values.setdefault(self.name_shown, self.value)
        return values | {EDIT: ""}

    def describe(self, value: str) -> str:
        if not value:
            return EDIT_HELP
        try:
            return describe_network(resolve_network(value, self._count_classes()))
        except UserError as error:  # one of another number of classes
            return str(error)

    def make_list(self, described: dict[str, str]) -> SelectOptions:
        return NetworkOptions(described, self.name_shown, self.region, self._title, self._edit)

    def take(self, value: str) -> None:
        if value:
            self.value = value
        else:
            self.edit(self.value)

    def _edit(self, name: str) -> None:
        self.edit(self.list_values().get(name) or self.value)

    def edit(self, spec: str) -> None:
        if self.is_locked:
            self.focus()  # the form says why
            return
        self.post_message(self.Edit(self, spec))


def _spec_of(text: str) -> str:
    try:
        return find_spec(resolve_network(text))
    except UserError:  # its description says why
        return text


class NetworkOptions(SelectOptions):
    """The list of networks, any of which can be opened as its text."""

    BINDINGS = [Binding("right", "edit", "Edit", show=False)]
    KEYS: ClassVar[str] = "enter select · → edit as text · esc back"

    def __init__(
        self,
        options: dict[str, str],
        value: str,
        place: Region,
        title: str,
        edit: Callable[[str], None],
    ) -> None:
        super().__init__(options, value, place, title)
        self._edit, self._names = edit, list(options)

    def action_edit(self) -> None:
        place = self.query_one(OptionList).highlighted
        self.dismiss(None)
        if place is not None:
            self._edit(self._names[place])

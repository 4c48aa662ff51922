"""The dialog that asks for the index of a test digit."""

from tui.screens.number_dialog import NumberDialog


class GotoDialog(NumberDialog[int]):
    """Return the index of one of `samples` test digits."""

    HEADING = "Go to a digit"
    LABEL = "Index"
    CHARACTERS = "[0-9]*"

    def __init__(self, samples: int) -> None:
        super().__init__()
        self._samples = samples

    def parse(self, text: str) -> int | None:
        return int(text) if text.isdecimal() and int(text) < self._samples else None

    def message(self, *, wrong: bool) -> str:
        allowed = f"a whole number from 0 to {self._samples - 1:,}."
        return f"✗ The index must be {allowed}" if wrong else f"Index in the test set: {allowed}"

"""The confusion matrix as a widget: any number of classes, with and without a cursor."""

from rich.cells import cell_len
from textual.app import App, ComposeResult

from tests.support.app import text_of
from tests.support.fakes import ODD_NAMES
from tui.widgets.charts.confusion_lists import ClassErrors
from tui.widgets.charts.confusion_matrix import ConfusionMatrix

LETTERS = 26


def confusion_of(classes: int) -> tuple[tuple[int, ...], ...]:
    """Return a matrix of 90 correct predictions a class; each is once predicted as the next."""
    rows = [[0] * classes for _ in range(classes)]
    for number, row in enumerate(rows):
        row[number], row[(number + 1) % classes] = 90, 1
    return tuple(map(tuple, rows))


class Matrix(App[None]):
    CSS = """
    ConfusionMatrix { width: 55; height: 14; border: round red; }
    ClassErrors { height: 14; }
    """

    def __init__(self, *, selectable: bool = True) -> None:
        super().__init__()
        self._selectable = selectable
        self.opened = 0

    def compose(self) -> ComposeResult:
        yield ConfusionMatrix(selectable=self._selectable)
        yield ClassErrors()

    def on_confusion_matrix_opened(self) -> None:
        self.opened += 1


async def test_many_classes_are_shown_around_the_cursor():
    app = Matrix()
    async with app.run_test(size=(60, 30)) as pilot:
        matrix, errors = app.query_one(ConfusionMatrix), app.query_one(ClassErrors)
        matrix.confusion = errors.confusion = confusion_of(LETTERS)
        await pilot.pause()
        assert "26 classes, arrows scroll" in text_of(pilot)
        for _ in range(LETTERS):
            matrix.move(1, 1)
        assert matrix.cursor == (25, 25)
        assert not matrix.move(1, 0), "that was the last one"
        await pilot.pause()
        shown = text_of(pilot)
        assert "▶ 90" in shown
        # A click means the class that is there now.
        await pilot.click(ConfusionMatrix, offset=(1 + 3 + 2, 1 + 2))
        assert matrix.cursor[0] == 16
        assert "25: 1 of 91, as 0" in shown, "in two columns all classes fit"


async def test_names_stay_beside_the_cells():
    """Also wide, long and hostile ones, and those of the selected cell at each end."""
    app, classes = Matrix(), len(ODD_NAMES)
    async with app.run_test(size=(60, 30)) as pilot:
        matrix, errors = app.query_one(ConfusionMatrix), app.query_one(ClassErrors)
        matrix.names = errors.names = ODD_NAMES
        matrix.confusion = errors.confusion = confusion_of(classes)
        await pilot.pause()
        first = text_of(pilot).splitlines()
        for line in first[1:13]:
            assert cell_len(line[: line.rindex("│")]) == 54, "the border is straight"
        assert first[2].split()[1:6] == ["あ", "T-s", "[bo", "a\\x", "は"]
        assert first[3].split()[1:3] == ["あ▶", "90"]
        assert first[14].split()[0] == "あ"
        assert "1 of 91 wrong, most as T-shirt/top" in first[14]
        matrix.move(classes, classes)
        await pilot.pause()
        last = text_of(pilot).splitlines()
        assert "37" in last[2].split()
        assert last[12].split()[1:2] == ["37"]


async def test_matrix_without_cursor_opens_at_once():
    app = Matrix(selectable=False)
    async with app.run_test(size=(60, 30)) as pilot:
        matrix = app.query_one(ConfusionMatrix)
        matrix.confusion = confusion_of(10)
        await pilot.pause()
        shown = text_of(pilot)
        assert "▶" not in shown
        assert "correct  1  errors" in shown
        await pilot.click(ConfusionMatrix, offset=(10, 5))
        await pilot.pause()
        assert app.opened == 1
        matrix.confusion = ()
        await pilot.pause()
        assert "90" not in text_of(pilot)


async def test_matrix_without_errors_is_drawn():
    """As of a small dataset that is learnt completely."""
    app = Matrix()
    async with app.run_test(size=(60, 30)) as pilot:
        app.query_one(ConfusionMatrix).confusion = ((8, 0), (0, 9))
        await pilot.pause()
        shown = text_of(pilot)
        assert "true ↓  predicted as →" in shown
        assert "▶   8" in shown
        assert "correct  no errors" in shown

"""The dialog that verifies a run's checkpoints."""

from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import get_current_worker

from core.checkpoints.verify import Verified, verify_files
from core.errors import quoted
from core.runs.catalog import list_run_checkpoints
from core.runs.layout import EVENTS_FILE
from tui.text.formats import format_size, printable

HOW = (
    "Each file was read completely and compared with the digests in its header. To check that its "
    "training is reproducible, run:"
)


class VerifyDialog(ModalScreen[None]):
    """Shows a line for each checkpoint of a run when it has been verified."""

    CSS_PATH = "verify_dialog.tcss"
    BINDINGS = [Binding("escape,q,enter,V", "dismiss", "Back")]

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._found: list[Verified] = []

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog panel") as scroll:
            scroll.border_title = Content(f"Verify {printable(self._path.parent.name)}")
            scroll.border_subtitle = "↑ ↓ scroll · esc close"
            yield Static("Verifying…", id="found")
            yield Static("", id="how")

    def on_mount(self) -> None:
        self._verify()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _verify(self) -> None:
        worker = get_current_worker()
        # The checkpoint under the cursor comes first.
        paths = [each.path for each in list_run_checkpoints(self._path.parent)]
        for verified in verify_files(sorted(paths, key=lambda path: path != self._path)):
            if worker.is_cancelled:
                return
            self.call_later(self._show, verified)
        self.call_later(self._show, None)

    def _show(self, verified: Verified | None) -> None:
        """Add a file that has been verified; None: all have been."""
        if verified:
            self._found.append(verified)
        lines = [_line(each) for each in self._found]
        if verified:
            lines.append(Content("Verifying…"))
        elif (self._path.parent / EVENTS_FILE).exists():
            name = quoted(self._path)
            command = f"mnist-tui checkpoints verify {name} --replay 500"
            self.query_one("#how", Static).update(Content(f"{HOW}\n\n  {command}"))
        lines = lines or [Content("The checkpoint does not exist any more.")]
        self.query_one("#found", Static).update(Content("\n").join(lines))


def _line(verified: Verified) -> Content:
    name = printable(verified.path.name)
    if verified.fault:
        text = f"✗ {name} {printable(verified.fault)}"
        return Content.styled(text, "$text-error")
    note = f" ({verified.note})" if verified.note else ""
    text = f"✓ {name}: unchanged, {format_size(verified.bytes)}{note}"
    return Content.styled(text, "$text-success")

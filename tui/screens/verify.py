"""The dialog that verifies a checkpoint, and with it the others of its run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Static
from textual.worker import get_current_worker

from core.errors import first_line
from core.listing import list_run
from core.verifying import Verified, verify_all
from tui.drawing import printable
from tui.verdicts import sign, summary, verdict

# How many steps the command that is shown makes: a few seconds of a small network.
STEPS = 500


def verify_dialog(path: str) -> ModalScreen[None]:
    return Verify(Path(path))


class Verify(ModalScreen[None]):
    CSS_PATH = "verify.tcss"
    AUTO_FOCUS = "#files"
    BINDINGS = [Binding("escape,enter,q,V", "dismiss", "Close", show=False)]

    @dataclass
    class Read(Message):
        """One more file has been, or with None all that there are."""

        verified: Verified | None
        error: str = ""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._found: list[Verified] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Verify"
            dialog.border_subtitle = "↑ ↓ scroll · esc closes"
            yield Static(Content(printable(self._path.parent.name)), id="run")
            with VerticalScroll(id="files"):
                yield Static(id="verdicts")
            yield Static("reading every byte …", id="said")
            yield Static(self._how(), id="how")
            yield Button("Close", id="close", compact=True, action="screen.dismiss")

    def _how(self) -> Content:
        command = f"mnist-tui checkpoints verify {shlex.quote(str(self._path))} --replay {STEPS}"
        asked = "Whether training from it goes the same way again says, in a shell:"
        return Content(f"{asked}\n{printable(command)}")

    def on_mount(self) -> None:
        self._verify()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _verify(self) -> None:
        """Without torch, so it may run beside the engine. The file that was asked about first."""
        worker = get_current_worker()
        try:
            others = [each.path for each in list_run(self._path.parent)]
            rest = [each for each in others if each != self._path]
            for verified in verify_all([self._path, *rest]):
                if worker.is_cancelled:
                    return
                self.post_message(self.Read(verified))
            self.post_message(self.Read(None))
        except Exception as error:  # whatever is in a file, the app lives on
            self.post_message(self.Read(None, first_line(error)))

    def on_verify_read(self, message: Read) -> None:
        if message.verified:
            self._found.append(message.verified)
            self.query_one("#verdicts", Static).update(Content("\n").join(map(_line, self._found)))
            return
        said = message.error or summary(self._found)
        line = self.query_one("#said", Static)
        line.update(Content(printable(said)))
        line.set_class(bool(message.error) or not all(each.ok for each in self._found), "wrong")


def _line(verified: Verified) -> Content:
    style = "$text-success" if verified.ok else "bold $text-error"
    name, words = printable(verified.path.stem), printable(verdict(verified))
    return Content.assemble((f"{sign(verified)} ", style), (name, "bold"), f"  {words}")

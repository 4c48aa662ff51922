"""The entry point of mnist-tui: run a command, report its errors, and exit with its status."""

import os
import shlex
import sys
from typing import Any

import typer

from core.compute.import_guard import report_crashes
from core.data.image_formats import has_image_name
from core.errors import UserError, exit_status, explain
from core.files import redirect_to_devnull
from tui.cli.console import accept_any_text
from tui.cli.parameters import skip_conversion
from tui.cli.registry import app
from tui.headless.torchrun import silence_other_ranks
from tui.text.console import complain, one_line

# The base class of all errors in a command line, which typer itself does not export.
CommandLineError: Any = typer.BadParameter.__mro__[2]


def main() -> None:
    """Run the command line and exit: 0 fine, 1 failed, 2 wrong usage, 3 training diverged."""
    accept_any_text()
    silence_other_ranks()
    report_crashes()
    try:
        status = _run_command()
        sys.stdout.flush()
    except UserError as error:
        complain(str(error))
        status = exit_status(error.reason)
    except CommandLineError as error:
        where = error.ctx.command_path if error.ctx else "mnist-tui"
        hint = _hint_dash(getattr(error, "option_name", ""), sys.argv[1:])
        complain(f"{one_line(error.format_message())} (see {where} --help){hint}")
        status = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    except BrokenPipeError:
        # The reader of stdout has exited, as in `| head`. Python would report that at exit. The
        # status is a shell's for SIGPIPE, as of git and other programs in C.
        redirect_to_devnull([sys.stdout.fileno()])
        status = 141
    except OSError as error:  # such as a full disk that stdout is written to
        redirect_to_devnull([sys.stdout.fileno()])
        complain(f"the output cannot be written ({explain(error)})")
        status = 1
    sys.exit(status or 0)


def _run_command() -> Any:
    """Run the command of the command line and return its status. Raises BrokenPipeError."""
    try:
        command = skip_conversion(typer.main.get_command(app))
        return command.main(prog_name="mnist-tui", standalone_mode=False)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # for which typer exits with 1
            raise error.__context__ from None
        raise


def _hint_dash(option: str, arguments: list[str]) -> str:
    """Return how to name a file that was taken for an unknown option, or ""."""
    for each in arguments:
        is_file = has_image_name(each) or os.path.lexists(each)
        if option and each.startswith(option) and is_file:
            name = shlex.quote(each)
            return f"; for the file {name}, write ./{name} or put -- before it"
    return ""

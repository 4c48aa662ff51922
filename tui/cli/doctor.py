"""`mnist-tui doctor`: check whether this machine can train."""

from contextlib import closing
from itertools import chain
from time import monotonic
from typing import Annotated

import typer

from tui.cli.console import checkpoints_folder, print_json
from tui.cli.options import AsJson, CheckpointsDir, DataDir


def doctor(
    require_gpu: Annotated[
        bool, typer.Option("--require-gpu", help="report a problem if no GPU can train")
    ] = False,
    as_json: AsJson = False,
    data: DataDir = None,
    checkpoints: CheckpointsDir = None,
) -> int:
    """Check whether this machine can train.

    Checks terminal, CPU, memory, disk, versions, GPUs and data, then trains for a few seconds on
    each device and compares the results. Each problem comes with advice. Exit status: 0 no
    problem, 1 a problem.
    """
    from core.doctor.check import PROBLEM, WARNING
    from core.doctor.examine import examine
    from tui.cli.output.doctor_report import print_checks, summary
    from tui.terminal.checks import judge_terminal, read_terminal

    folder, began = checkpoints_folder(checkpoints), monotonic()
    if data is not None:
        from core.config import parse
        from core.user import expand

        expand(parse("data", data))  # wrong usage is reported before any check
    with closing(examine(data, folder, require_gpu=require_gpu)) as examined:
        events = chain(judge_terminal(read_terminal()), examined)
        checks = list(print_checks(events, is_quiet=as_json))
    problems = sum(each.verdict == PROBLEM for each in checks)
    warnings = sum(each.verdict == WARNING for each in checks)
    if as_json:
        row = {"sound": not problems, "problems": problems, "warnings": warnings}
        seconds = round(monotonic() - began, 1)
        print_json(row | {"seconds": seconds, "checks": [vars(each) for each in checks]})
    else:
        print(f"\n{summary(problems, warnings)}")
    return 1 if problems else 0

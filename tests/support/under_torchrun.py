"""The program as torchrun starts it for test_distributed.py, with disturbances at given steps.

Arguments: STEP:WHAT[,STEP:WHAT] COMMAND…. `train` prints its dry run first, and every step reports
progress.
"""

import os
import signal
import sys
from contextlib import suppress

import psutil

from core.commands import Pause, Resume, SetLearningRate
from core.training import distributed, loop, trainer
from tui.cli.main import main

disturbances = dict(each.split(":") for each in sys.argv.pop(1).split(","))
train = trainer.train


def disturb(what, inbox):
    if what == "hang-up":  # as a closed terminal does; torchrun takes a while to react
        inbox.put(Pause())
        os.kill(os.getppid(), signal.SIGHUP)
    elif what == "change":
        for command in (Pause(), SetLearningRate(0.002), Resume()):
            inbox.put(command)
    else:
        for each in psutil.Process(os.getppid()).children():
            if each.pid != os.getpid():
                each.kill()


def disturbed(config, inbox, **more):
    for event in train(config, inbox, **more):
        yield event
        if event.name == "progress" and (what := disturbances.get(str(event.step))):
            disturb(what, inbox)


loop.PROGRESS_SECONDS = 0.0
distributed.MEETING_SECONDS = 0.002
trainer.train = disturbed
command = list(sys.argv)
if "train" in command:
    sys.argv.append("--dry-run")
    with suppress(SystemExit):
        main()
sys.argv[1:] = [*command[1:], "--json"]
try:
    main()
except SystemExit as end:
    os._exit(end.code)  # a forked process that exits normally would wait for torchrun

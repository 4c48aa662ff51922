"""Signals that stop and save a run, and the hangup of its terminal (--on-hangup)."""

import signal

# Windows has no SIGHUP.
HANGUP = getattr(signal, "SIGHUP", None)
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# What a job queue sends some time before it ends a job, as Slurm does with --signal=USR1@60.
# Without a handler they would end the program at once.
WARNING = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name))
# The choices of --on-hangup.
CONTINUE, SAVE = "continue", "save"
ON_HANGUP = (CONTINUE, SAVE)


def handled_signals() -> list[int]:
    """Return the signals to handle: without SIGHUP if this process ignores it, as under nohup."""
    return [
        number
        for number in ENDING
        if number != HANGUP or signal.getsignal(number) is not signal.SIG_IGN
    ]

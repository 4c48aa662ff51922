"""The signals that ask a run to end, which then stops, saves and says so; and the one that says
that the terminal has gone, after which a run goes on without it.
"""

import signal

# Windows has no SIGHUP.
HANGUP = getattr(signal, "SIGHUP", None)
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# What a job queue sends a while before it ends a job, as Slurm does on --signal=USR1@60. Left
# alone they would end the program on the spot.
WARNING = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name))
# The choices of --on-hangup.
CONTINUE, SAVE = "continue", "save"
ON_HANGUP = (CONTINUE, SAVE)


def heard() -> list[int]:
    """Those to be handled: not a hangup that this process was started to ignore, as nohup does."""
    return [
        number
        for number in ENDING
        if number != HANGUP or signal.getsignal(number) is not signal.SIG_IGN
    ]

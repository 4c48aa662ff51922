"""The signals that ask a run to end: it stops, saves and says so."""

import signal

# Windows has no SIGHUP.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

# What a job queue sends a while before it ends a job, as Slurm does on --signal=USR1@60. Left
# alone they would end the program on the spot.
WARNING = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name))

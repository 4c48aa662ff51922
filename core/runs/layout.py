"""Define the names of the files in a run's folder, and the orders of the kinds of checkpoints."""

import re

from core.checkpoints.header import SUFFIX

DESCRIPTION = "run.json"
EVENTS_FILE = "events.jsonl"
# Details of an error that is not the person's.
TRACEBACK = "traceback.txt"
# A person's note and star. Not in run.json, which belongs to the process that trains the run.
NOTES = "notes.json"
# A hidden folder beside the runs.
TRASH = ".trash"
# In bytes, as file systems count; it leaves space for what is put around a name.
LONGEST_NAME = 200

LAST, BEST, IMPORTED = "last" + SUFFIX, "best" + SUFFIX, "imported" + SUFFIX
EPOCH = re.compile(r"epoch-(\d+)" + re.escape(SUFFIX))
# Checkpoints that a run has beside its best and its last.
EXTRA = re.compile(r"(epoch|step)-\d+" + re.escape(SUFFIX))

# The order in which waiting checkpoints are written, in turn, so that a disk too slow for all of
# them gets some of each kind. At the end of an epoch the best comes first, so that no later last
# replaces one that is lost; after the last, its epoch's checkpoint is only a second name for it.
SAVE_ORDER = ("best", "last", "epoch")
# The kind that a run's name means, the first that the run has: to predict with, and to resume.
BEST_FIRST = ("best", "last", "imported")
LAST_FIRST = ("last", "best")
# Of several names of one file: the one that stays a name of it the longest comes first.
MOST_LASTING = ("epoch", "best", "file", "last", "imported")


def find_length_problem(name: str) -> str | None:
    """Return why a name that a person gives to a run is too long; continues "the name"."""
    size = len(name.encode(errors="replace"))
    if size <= LONGEST_NAME:
        return None
    unit = "bytes" if name.isascii() else "bytes in UTF-8"
    return f"is too long: {size:,} {unit}, at most {LONGEST_NAME}"


def epoch_file(epoch: int) -> str:
    """Return the name of the checkpoint of an epoch."""
    return f"epoch-{epoch:03}{SUFFIX}"


def step_file(step: int) -> str:
    """Return the name under which a checkpoint is kept that an earlier one replaces as the last."""
    return f"step-{step}{SUFFIX}"


def kind_of(name: str) -> str:
    """Return what a checkpoint file is by its name: last, best, epoch, imported, or file for any
    other."""
    stem = name.removesuffix(SUFFIX)
    if stem in ("last", "best", "imported"):
        return stem
    return "epoch" if stem.startswith("epoch-") else "file"

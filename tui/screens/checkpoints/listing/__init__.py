"""The list of the browser: a tree of runs and checkpoints, its columns, and what keeps it new."""

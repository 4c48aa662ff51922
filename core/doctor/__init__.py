"""Checks whether this machine can train: `mnist-tui doctor`."""

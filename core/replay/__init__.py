"""Train steps of a run again from a checkpoint and compare them with its record."""

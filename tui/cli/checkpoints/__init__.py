"""The commands `mnist-tui checkpoints …`, a file each."""

"""The commands `mnist-tui checkpoints …`."""

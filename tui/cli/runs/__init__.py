"""The commands `mnist-tui runs …`."""

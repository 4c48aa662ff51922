"""The command `mnist-tui race`, and what other commands do with a race."""

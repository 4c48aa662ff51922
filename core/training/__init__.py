"""The training loop and all around it: setup, learner, commands, checkpoints, ranks."""

"""The checkpoint browser: runs and checkpoints, and the views and dialogs opened from it."""

"""Training without the app, and its renderers: progress bar, lines, JSON and TensorBoard."""

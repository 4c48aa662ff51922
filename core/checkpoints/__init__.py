"""Checkpoint files: format, reading, verifying, and the formats of other programs."""

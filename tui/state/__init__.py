"""Frozen states of a run and of the app, folded from events without Textual."""

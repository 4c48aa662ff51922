"""Widgets about the run in progress: how far it is, what happens in it, and what it uses."""

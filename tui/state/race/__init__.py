"""The state of a race, folded from its events."""

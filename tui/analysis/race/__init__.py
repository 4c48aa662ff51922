"""What the state of a race means: positions of its lanes, and words."""

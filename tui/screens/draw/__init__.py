"""The view in which a person draws, and the network answers."""

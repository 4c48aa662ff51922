"""The view of a quiz, a person against a network."""

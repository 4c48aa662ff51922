"""Text: numbers, digits in characters, ASCII, themes, messages on stderr."""

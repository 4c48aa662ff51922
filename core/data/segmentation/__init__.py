"""Find the digits in a picture: its background, its ink, strokes, and which of them are digits."""

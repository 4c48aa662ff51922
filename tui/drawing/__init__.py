"""A drawing of 28×28 grey pixels: its strokes, and the pen that draws them; without a screen."""

"""Cards: an image in characters, and what a network predicts for it, in a thin border."""

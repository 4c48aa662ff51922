"""Questions about a drawing, and the networks that they go to."""

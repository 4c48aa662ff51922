"""The area to draw on, with the mouse or the keyboard."""

"""The view of missions, and the panel of the one in progress."""

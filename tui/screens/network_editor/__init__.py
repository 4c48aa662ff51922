"""The dialog that edits a network as text."""

"""The search for a learning rate, opened from the form."""

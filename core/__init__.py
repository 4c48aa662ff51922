"""Trains networks on handwritten digits, and knows nothing of any screen."""

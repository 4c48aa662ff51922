"""The Race view."""

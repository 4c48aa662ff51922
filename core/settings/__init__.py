"""Kinds of settings, and named sets of settings."""

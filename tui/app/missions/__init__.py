"""Missions in the app."""

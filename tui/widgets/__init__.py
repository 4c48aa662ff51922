"""Widgets: parts of screens, which know only the values they are given."""

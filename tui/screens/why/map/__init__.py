"""The part "Map" of the Why screen."""

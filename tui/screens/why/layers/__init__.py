"""The part "Layers" of the Why screen."""

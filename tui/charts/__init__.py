"""Charts without a screen: curves to points, axes, and plotext's characters."""

"""How a network's accuracy falls on corrupted images."""

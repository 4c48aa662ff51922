"""Which routes a run takes: chosen, or measured before it begins."""

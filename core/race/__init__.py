"""Races: several runs that are trained in turn on one thread, and compared."""

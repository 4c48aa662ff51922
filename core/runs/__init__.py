"""A folder of runs: what is in it, resumed, branched, watched, renamed and deleted."""

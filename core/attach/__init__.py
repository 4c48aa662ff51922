"""A run and its viewers in other processes: the run's socket, and hosts for runs elsewhere."""

"""The user's own drawings: kept as files, listed, and a dataset of them."""

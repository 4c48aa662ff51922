"""The networks, their predictions, metrics and summaries."""

"""What metrics and predictions mean: commentary, confusion, comparison, selection."""

"""Lists of rows, of which only those in sight are drawn."""

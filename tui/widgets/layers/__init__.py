"""Parts of a network: its drawing, the table of its layers, weights and outputs in pictures."""

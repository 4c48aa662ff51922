"""What a state dict without a known network may be: its layers, and what is between them."""

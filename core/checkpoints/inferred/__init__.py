"""Networks inferred from a state dict alone: its layers, and what may be between them."""

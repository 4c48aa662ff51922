"""Parts of the answer to why a network predicts what it does."""

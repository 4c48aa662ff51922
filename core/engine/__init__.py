"""The one thread that uses torch: training, and requests about checkpoints and devices."""

"""Where each dataset's images come from: its files and how they are read."""

"""The terminal: Textual's driver, the limit of a slow connection, and its checks."""

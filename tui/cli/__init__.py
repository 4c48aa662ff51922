"""The command line: every command is registered in registry.py."""

"""A network that a Python file of the user's builds."""

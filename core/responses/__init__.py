"""Events that respond to a request. Annotations are types and not strings, as in core/events.py."""

"""Quizzes: against which network, which images, and the card of the result."""

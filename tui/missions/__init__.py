"""Missions: tasks with a prediction first, checked on what real runs did."""

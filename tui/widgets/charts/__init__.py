"""Widgets that draw: the chart, the confusion matrix, the network and its weights."""

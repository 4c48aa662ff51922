"""Datasets, their download, own image files, and batches."""

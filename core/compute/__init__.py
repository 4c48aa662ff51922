"""Devices, threads and the faster kernels."""

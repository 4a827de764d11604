"""Kernels over texts."""

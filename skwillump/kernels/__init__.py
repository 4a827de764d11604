"""Numba functions over plain arrays."""

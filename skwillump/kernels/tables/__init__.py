"""Kernels over the columns of tables."""

"""Kernels that walk decision trees."""

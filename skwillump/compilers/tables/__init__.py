"""Transformers of the columns of tables."""

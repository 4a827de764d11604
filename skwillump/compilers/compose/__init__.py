"""Transformers made of transformers."""

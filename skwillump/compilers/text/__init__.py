"""Text vectorizers."""

"""Models at the end of a pipeline."""

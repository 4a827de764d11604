"""`ApproxTopKRanker`: the K best of N rows from cheap features and a few full scores."""

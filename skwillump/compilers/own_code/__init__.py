"""What functions and classes of the user's own do, told from their code or from their source.

A step that is known so is compiled, or goes through one row without a data frame.
"""

"""Data for examples, tests and benchmarks.

:func:`load_stdlib_lines` makes a text classification problem out of files that every Python has.
:func:`load_benchmark` reads published data sets from a folder of the user's.
"""

from ._benchmarks import load_benchmark
from ._stdlib_lines import load_stdlib_lines

__all__ = ["load_benchmark", "load_stdlib_lines"]

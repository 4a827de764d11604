"""One row in any form: its values by column, and X of one row for what reads only many.

A row is a mapping of column to value, a sequence, a 1-D array, a pandas Series, a data frame or
array of one row, a str, or any other element. All who take one row read it here, so that a mistake
has the same message and the same type everywhere.
"""

from ._columns import NOT_READ, FittedRow, RowColumns, SelectedRow, is_value
from ._template import RowTemplate, array_of_row

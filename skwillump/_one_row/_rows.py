"""Rows as mappings of column to value, of which a data frame is made where one is needed."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._template import RowTemplate


class FittedRow(dict[Any, Any]):
    """The values of one row by column, and data frames of them as `RowTemplate.make` makes them.

    Parameters
    ----------
    values : mapping of column to value
    template : RowTemplate
        Of rows that were seen in fit.
    """

    __slots__ = ("template",)

    def __init__(self, values: Mapping[Any, Any], template: "RowTemplate"):
        super().__init__(values)
        self.template = template

    def frame(self, names: Sequence[Any]) -> Any:
        """Return some of the columns as a data frame of one row."""
        return self.template.frame_with(self, names)

    def plain(self) -> dict[Any, Any] | None:
        """Return the values as a data frame of them holds them, in the order of its columns.

        None where that is not known without one.
        """
        return self.template.plain_values(self)


class SelectedRow(dict[Any, Any]):
    """The values of one row that a step chose or made, by column.

    Parameters
    ----------
    values : mapping of column to value
    frame : callable
        It returns the data frame.
    """

    __slots__ = ("frame",)

    def __init__(self, values: Mapping[Any, Any], frame: Callable[[], Any]):
        super().__init__(values)
        self.frame = frame

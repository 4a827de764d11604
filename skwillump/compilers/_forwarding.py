"""What something is or does because something inside it is or does it."""

from operator import attrgetter
from typing import Any


def forwarded(path: str) -> Any:
    """Return a property that is an attribute or a method of what the object holds.

    Parameters
    ----------
    path : str
        Such as ``"head.exact_scores"``: that of the object's `head`.
    """
    return property(attrgetter(path))

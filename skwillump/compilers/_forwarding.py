"""What something is or does because something inside it is or does it."""

from operator import attrgetter
from typing import Any


def forwarded(path: str) -> Any:
    """Return a property that is an attribute of what the object holds.

    Parameters
    ----------
    path : str
        Such as ``"head.exact_scores"``: that of the object's `head`.
    """
    return property(attrgetter(path))


def forwarded_call(path: str) -> Any:
    """Return a method that is a method of what the object holds, as ``"trees.predict"`` is."""
    bound = attrgetter(path)

    def method(self: Any, *given: Any, **options: Any) -> Any:
        return bound(self)(*given, **options)

    return method

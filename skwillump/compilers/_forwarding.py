"""What something is or does because something inside it is or does it: also, what runs kernels."""

from dataclasses import fields
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


def any_of_steps(fact: str) -> Any:
    """Return a property that is true where that of one of the object's `steps` is."""
    return property(lambda self: any(getattr(step, fact) for step in self.steps))


def all_of_steps(fact: str) -> Any:
    """Return a property that is true where those of all of the object's `steps` are."""
    return property(lambda self: all(getattr(step, fact) for step in self.steps))


class KernelUser:
    """A frozen dataclass that runs kernels, or of which a part does."""

    def warm_up(self) -> None:
        """Compile the kernels that it runs, or load them from the disk: here those of its parts."""
        for field in fields(self):  # type: ignore[arg-type]
            if field.init:  # others are made of these
                _warm_up(getattr(self, field.name))


def _warm_up(part: Any) -> None:
    if isinstance(part, KernelUser):
        part.warm_up()
    elif type(part) is tuple:
        for one in part:
            _warm_up(one)

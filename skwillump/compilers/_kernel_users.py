"""What runs kernels, or holds what does."""

from dataclasses import fields
from typing import Any


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

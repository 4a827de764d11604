"""Counters that are all zero between calls, one a thread.

Clearing a counter for each call would cost more than a short text does, so a thread keeps its own:
kernels put back to zero what they touched.
"""

import threading
from types import TracebackType

import numpy as np

_local = threading.local()


class ZeroedCounter:
    """Lend this thread's counter: int32, at least ``n_slots`` long, all zero.

    A counter that an error left in an unknown state is thrown away.
    """

    __slots__ = ("counter",)

    def __init__(self, n_slots: int):
        counter = getattr(_local, "counter", None)
        if counter is None or len(counter) < n_slots:
            counter = np.zeros(n_slots, dtype=np.int32)
        # Taken away while in use: a signal handler that predicts gets another one.
        _local.counter = None
        self.counter = counter

    def __enter__(self) -> np.ndarray:
        return self.counter

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            _local.counter = self.counter

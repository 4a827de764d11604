"""Counters are lent zeroed, and only to one borrower at a time."""

import threading

import numpy as np
import pytest

from skwillump.kernels._scratch import ZeroedCounter


def test_a_thread_gets_its_counter_back():
    with ZeroedCounter(10) as first:
        pass
    with ZeroedCounter(8) as second:
        assert second is first
        assert not second.any()


def test_a_counter_grows_with_what_is_asked_for():
    with ZeroedCounter(10):
        pass
    with ZeroedCounter(10**6) as counter:
        assert len(counter) >= 10**6
        assert counter.dtype == np.int32


def test_two_borrowers_at_once_get_different_counters():
    with ZeroedCounter(10) as outer, ZeroedCounter(10) as inner:
        assert inner is not outer


def test_threads_do_not_share_counters():
    counters = []

    def borrow():
        with ZeroedCounter(10) as counter:
            counters.append(counter)

    threads = [threading.Thread(target=borrow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(counter) for counter in counters}) == 4


def leave_dirty():
    with ZeroedCounter(10) as counter:
        counter[3] = 1
        raise KeyboardInterrupt


def test_a_counter_is_thrown_away_after_an_error():
    with pytest.raises(KeyboardInterrupt):
        leave_dirty()
    with ZeroedCounter(10) as counter:
        assert not counter.any()

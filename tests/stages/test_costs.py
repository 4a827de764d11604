"""Measured costs, where the machine is slow for moments: a clock that the tests turn."""

import numpy as np
import pytest

from skwillump.planning import _costs as costs_module
from skwillump.stages._clock import seconds_in_turns


class Machine:
    """A clock, and work that takes `slowdown` times as long within one stretch of it."""

    def __init__(self, monkeypatch, slow_from, slow_to, slowdown=3.0):
        self.now, self.slow, self.slowdown = 0.0, (slow_from, slow_to), slowdown
        self.calls = []
        monkeypatch.setattr(costs_module, "perf_counter", lambda: self.now)

    def work(self, seconds, name=None):
        def run():
            self.calls.append(name)
            is_slow = self.slow[0] <= self.now < self.slow[1]
            self.now += seconds * (self.slowdown if is_slow else 1.0)

        return run


SECONDS = (0.010, 0.003, 0.004)


@pytest.mark.parametrize("slow_from", np.arange(0.0, 0.15, 0.005))
def test_a_slow_moment_changes_no_cost(monkeypatch, slow_from):
    # Nine rounds of 17 ms; the moment is as long as all calls of the second function together,
    # which would make that three times as dear if it were measured on its own.
    machine = Machine(monkeypatch, slow_from, slow_from + 0.03)
    measured = seconds_in_turns([machine.work(seconds) for seconds in SECONDS], 9)
    np.testing.assert_allclose(measured, SECONDS, rtol=1e-9)


def test_a_slow_machine_changes_no_ratio(monkeypatch):
    machine = Machine(monkeypatch, 0.0, np.inf)
    measured = seconds_in_turns([machine.work(seconds) for seconds in SECONDS], 5)
    np.testing.assert_allclose(measured, np.array(SECONDS) * 3, rtol=1e-9)


def test_functions_take_turns(monkeypatch):
    machine = Machine(monkeypatch, 0.0, 0.0)
    seconds_in_turns([machine.work(1.0, name) for name in "ab"], 3)
    assert machine.calls == list("ababab")


def test_the_least_of_the_measurements_can_be_asked_for(monkeypatch):
    machine = Machine(monkeypatch, 0.0, 0.04)
    functions = [machine.work(seconds) for seconds in SECONDS]
    np.testing.assert_allclose(seconds_in_turns(functions, 2, typical=min), SECONDS)

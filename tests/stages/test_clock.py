"""Clocks: a machine whose time the tests turn, and the real ones."""

import gc
import threading
import time

import numpy as np
import pytest
from clocks import Machine

from skwillump.stages import _clock
from skwillump.stages._clock import (
    WorkClock,
    rounds_in_turns,
    thread_clock,
    typical_seconds,
    work_clock,
)

SECONDS = (0.010, 0.003, 0.004)


def typical(machine, seconds=SECONDS, n_rounds=9):
    functions = [machine.work(each) for each in seconds]
    rounds = rounds_in_turns(functions, machine, n_rounds=(n_rounds, n_rounds), most_seconds=1.0)
    return typical_seconds(rounds)


@pytest.mark.parametrize("slow_from", np.arange(0.034, 0.18, 0.005))
def test_a_slow_moment_changes_no_cost(slow_from):
    # Nine rounds of 17 ms behind two for warming up; the moment is as long as all calls of the
    # second function together, which would be three times as dear if it were measured on its own.
    machine = Machine(slow_from, slow_from + 0.03)
    np.testing.assert_allclose(typical(machine), SECONDS, rtol=1e-9)


def test_a_slow_machine_changes_no_ratio():
    machine = Machine(0.0, np.inf)
    np.testing.assert_allclose(typical(machine), np.array(SECONDS) * 3, rtol=1e-9)


@pytest.mark.parametrize("period", [0.1, 0.3, 1.0])
def test_a_machine_that_slows_down_and_recovers_changes_no_ratio(period):
    machine = Machine()
    machine.work = lambda seconds: (
        lambda: setattr(
            machine, "now", machine.now + seconds * (1.0 + (machine.now % period > period / 2))
        )
    )
    found = typical(machine, n_rounds=31)
    np.testing.assert_allclose(found / found[0], np.array(SECONDS) / SECONDS[0], rtol=0.01)


def test_functions_take_turns():
    machine = Machine()
    functions = [machine.work(1.0, name) for name in "ab"]
    rounds = rounds_in_turns(functions, machine, n_rounds=(3, 3), most_seconds=1.0)
    assert machine.calls == list("abab" + "baab")  # the first round is for warming up
    assert rounds.shape == (3, 2)


def test_what_comes_behind_another_function_is_no_dearer_for_it():
    machine = Machine()
    order = []

    def work(name, seconds):
        def run():
            order.append(name)
            is_behind = len(order) > 1 and order[-2] != name
            machine.now += seconds * (1.2 if is_behind else 1.0)

        return run

    functions = [work("a", 1.0), work("b", 1.0)]
    rounds = rounds_in_turns(functions, machine, n_rounds=(31, 31), most_seconds=1.0)
    first, second = typical_seconds(rounds)
    assert second == pytest.approx(first, rel=0.02)  # in one order, a fifth more


def test_where_the_order_matters_a_mean_of_rounds_varies_less_than_a_median():
    rng = np.random.default_rng(0)
    rounds = np.array([1.0, 1.1]) * np.exp(rng.normal(0.0, 0.1, size=(400, 31, 2)))
    rounds[:, ::2, 1] *= 1.4
    rounds[:, 1::2, 0] *= 1.4
    found = np.array([np.divide(*typical_seconds(each)[::-1]) for each in rounds])
    medians = np.median(rounds[:, :, 1] / rounds[:, :, 0], axis=1)
    assert np.mean(found) == pytest.approx(1.1, rel=0.02)
    assert np.std(found) < 0.6 * np.std(medians)


def test_what_takes_far_longer_than_the_first_has_one_turn():
    machine = Machine()
    functions = [
        machine.work(seconds, name) for name, seconds in zip("abc", (1, 10, 2), strict=True)
    ]
    rounds = rounds_in_turns(functions, machine, n_rounds=(3, 3), most_seconds=1.0)
    assert machine.calls == list("abcabc" + "caac")
    np.testing.assert_allclose(typical_seconds(rounds), (1, 10, 2))


def test_a_slow_call_alone_does_not_make_a_function_far_longer():
    machine = Machine(3.4, 4.6)  # in the first round, when the second function has its turn
    machine.slowdown = 10.0
    functions = [machine.work(seconds) for seconds in (1.0, 1.5)]
    rounds = rounds_in_turns(functions, machine, n_rounds=(3, 3), most_seconds=1.0)
    np.testing.assert_allclose(typical_seconds(rounds), (1.0, 1.5))


def test_functions_quicker_than_the_clock_are_called_several_times():
    machine = Machine(tick=1e-3)
    machine.seconds_of = lambda function, n_calls=1, timed=machine.seconds_of: (
        np.floor(timed(function, n_calls) / 1e-3) * 1e-3
    )
    found = typical(machine, seconds=(3e-4, 2e-3))
    np.testing.assert_allclose(found, (3e-4, 2e-3), rtol=0.05)


def test_there_are_as_many_rounds_as_fit():
    for most_seconds, n_rounds in ((0.0, 3), (0.1, 5), (100.0, 31)):
        machine = Machine()
        functions = [machine.work(seconds) for seconds in SECONDS]
        rounds = rounds_in_turns(functions, machine, n_rounds=(3, 31), most_seconds=most_seconds)
        assert len(rounds) == n_rounds


def test_waiting_for_the_processor_is_no_cost_of_what_is_compiled():
    clock = thread_clock()
    if clock.now is not time.thread_time:
        pytest.skip("this system's clock of CPU time is too coarse")
    assert clock.seconds_of(lambda: time.sleep(0.05)) < 0.02


@pytest.mark.parametrize("clock", [thread_clock(), work_clock()], ids=["thread", "work"])
def test_collecting_garbage_is_no_cost_of_what_makes_it(clock):
    collected = []
    gc.callbacks.append(lambda phase, info: collected.append(phase))
    try:
        clock.seconds_of(lambda: [[at] for at in range(100_000)])
    finally:
        gc.callbacks.pop()
    assert len(collected) <= 2  # what is due falls on what comes next
    assert gc.isenabled()


def test_who_collects_no_garbage_is_left_to_it():
    gc.disable()
    try:
        thread_clock().seconds_of(lambda: None)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_waiting_for_a_service_is_a_cost_of_what_is_not_compiled(monkeypatch):
    monkeypatch.setattr(_clock, "_seconds_kept_from_running", lambda: 1.0)
    assert work_clock().seconds_of(lambda: time.sleep(0.05)) > 0.04


def test_work_in_other_threads_is_a_cost_of_what_is_not_compiled():
    def sums():
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass

    def run():
        thread = threading.Thread(target=sums)
        thread.start()
        thread.join()

    assert work_clock().seconds_of(run) > 0.025


def test_time_that_a_thread_was_kept_from_running_is_no_cost(monkeypatch):
    kept = iter([1.0, 1.04])
    monkeypatch.setattr(_clock, "_seconds_kept_from_running", lambda: next(kept))
    now = iter([0.0, 0.0, 0.05, 0.005])  # of the processor and on the wall: before, after
    monkeypatch.setattr(_clock, "perf_counter", lambda: next(now))
    monkeypatch.setattr(_clock, "process_time", lambda: next(now))
    assert WorkClock(1e-6).seconds_of(lambda: None) == pytest.approx(0.01)


@pytest.mark.parametrize(("waits", "counts"), [(0.0, False), (0.1, True)])
def test_without_the_systems_word_only_long_waits_count(monkeypatch, waits, counts):
    monkeypatch.setattr(_clock, "_seconds_kept_from_running", lambda: None)
    now = iter([0.0, 0.0, 0.02 + waits, 0.01])
    monkeypatch.setattr(_clock, "perf_counter", lambda: next(now))
    monkeypatch.setattr(_clock, "process_time", lambda: next(now))
    seconds = WorkClock(1e-6).seconds_of(lambda: None)
    assert seconds == pytest.approx(0.02 + waits if counts else 0.01)
